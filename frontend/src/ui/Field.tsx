import type { HTMLInputAutoCompleteAttribute, HTMLInputTypeAttribute, ReactNode } from "react";
import { useId } from "react";

import style from "./Field.module.css";

interface Shared {
  label: string;
  /** What to type, or what it means. */
  hint?: ReactNode;
  /** Why it cannot be taken. */
  problem?: string | null;
}

interface TextProperties extends Shared {
  value: string;
  onChange: (value: string) => void;
  type?: HTMLInputTypeAttribute;
  autoComplete?: HTMLInputAutoCompleteAttribute;
  inputMode?: "text" | "decimal" | "numeric";
  isRequired?: boolean;
  unit?: string;
  onKey?: (key: string) => boolean;
}

export function TextField({
  label,
  hint,
  problem,
  value,
  onChange,
  isRequired = false,
  unit,
  onKey,
  ...rest
}: TextProperties) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} problem={problem ?? null}>
      <span className={style.box}>
        <input
          {...rest}
          id={id}
          className={style.input}
          value={value}
          required={isRequired}
          spellCheck={false}
          autoCapitalize="none"
          aria-invalid={problem != null}
          aria-describedby={`${id}-more`}
          onChange={(event) => {
            onChange(event.target.value);
          }}
          onKeyDown={(event) => {
            if (onKey?.(event.key)) event.preventDefault();
          }}
        />
        {unit !== undefined && <span className={style.unit}>{unit}</span>}
      </span>
    </Labelled>
  );
}

interface ChoiceProperties<T extends string> extends Shared {
  value: T;
  choices: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

/** The machine's own list: the one that every phone opens well. */
export function Choice<T extends string>(properties: ChoiceProperties<T>) {
  const { label, hint, problem, value, choices, onChange } = properties;
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} problem={problem ?? null}>
      <select
        id={id}
        className={`${style.box} ${style.select}`}
        value={value}
        aria-describedby={`${id}-more`}
        onChange={(event) => {
          onChange(event.target.value as T);
        }}
      >
        {choices.map(([word, text]) => (
          <option key={word} value={word}>
            {text}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

interface LongProperties extends Shared {
  value: string;
  onChange: (value: string) => void;
}

export function LongText({ label, hint, problem, value, onChange }: LongProperties) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} problem={problem ?? null}>
      <textarea
        id={id}
        className={`${style.box} ${style.long}`}
        value={value}
        rows={6}
        spellCheck={false}
        aria-describedby={`${id}-more`}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
    </Labelled>
  );
}

interface LabelledProperties {
  id: string;
  label: string;
  hint: ReactNode;
  problem: string | null;
  children: ReactNode;
}

function Labelled({ id, label, hint, problem, children }: LabelledProperties) {
  return (
    <div className={style.field}>
      <label htmlFor={id}>{label}</label>
      {children}
      <div id={`${id}-more`} className={problem ? style.problem : style.hint}>
        {problem ?? hint}
      </div>
    </div>
  );
}
