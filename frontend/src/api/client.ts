/** The one way to the server: typed by its own document, logged in by cookies. */

import createClient from "openapi-fetch";

import { noteAnswer, noteSilence } from "../live/contact";
import { refreshLogin } from "./login";
import { ApiProblem, problemOf } from "./problems";
import type { paths } from "./schema";

const LOGIN = "/auth/";
const UNAUTHENTICATED = 401;

export const api = createClient<paths>({ baseUrl: "/", fetch: send });

interface Call<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The answer's content.
 *
 * Throws `ApiProblem`: the server refused, with its sentence, or nobody answered.
 */
export async function ask<T>(call: Promise<Call<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemOf(response, error);
  return data as NonNullable<T>;
}

async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const answer = await heard(request);
  const isLogin = new URL(request.url).pathname.startsWith(LOGIN);
  if (answer.status !== UNAUTHENTICATED || isLogin) return answer;
  return (await refreshLogin()) ? heard(again) : answer;
}

async function heard(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request);
    noteAnswer(answer);
    return answer;
  } catch (silence) {
    if (silence instanceof DOMException && silence.name === "AbortError") throw silence;
    noteSilence();
    throw new ApiProblem("no_answer", "The server does not answer.", null, 0);
  }
}
