/** What the server refused, in its own sentence. */

export class ApiProblem extends Error {
  readonly code: string;
  readonly requestId: string | null;
  readonly status: number;

  constructor(code: string, detail: string, requestId: string | null, status: number) {
    super(detail);
    this.name = "ApiProblem";
    this.code = code;
    this.requestId = requestId;
    this.status = status;
  }
}

export function problemOf(response: Response, body: unknown): ApiProblem {
  const said = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string): string | null => {
    const found = said[name];
    return typeof found === "string" ? found : null;
  };
  return new ApiProblem(
    text("code") ?? `http_${response.status}`,
    text("detail") ?? "The server gave no reason.",
    text("request_id"),
    response.status,
  );
}

/** The sentence of whatever was thrown. */
export function sentenceOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : "Something went wrong in this page.";
}

/** A reason as the API writes it, `code: sentence`, without its code. */
export function sentenceIn(reason: string | null | undefined): string {
  return reason?.replace(/^[a-z0-9_]+: /, "") ?? "";
}
