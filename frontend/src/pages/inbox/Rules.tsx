import { Icon } from "../../ui/Icon";
import style from "./Rules.module.css";
import { nameOf, type RuleLine, shownRules } from "./rules";

/** Every risk rule's verdict: what refuses first, what passed quietly behind. */
export function Rules({ rules }: { rules: readonly RuleLine[] }) {
  const { shown, passed } = shownRules(rules);
  if (rules.length === 0) return null;
  return (
    <div className={style.rules}>
      <ul className={style.list}>
        {shown.map((line) => (
          <Line key={line.rule} line={line} />
        ))}
      </ul>
      {passed.length > 0 && (
        <details className={style.others}>
          <summary>{passed.length} more rules passed</summary>
          <ul className={style.list}>
            {passed.map((line) => (
              <Line key={line.rule} line={line} />
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Line({ line }: { line: RuleLine }) {
  return (
    <li className={style.line} data-ok={line.ok}>
      <span className={style.mark}>
        <Icon name={line.ok ? "check" : "cross"} size={11} />
        <span className="unseen">{line.ok ? "passed: " : "refused: "}</span>
      </span>
      <b>{nameOf(line.rule)}</b>
      <span className={style.detail}>{line.detail}</span>
    </li>
  );
}
