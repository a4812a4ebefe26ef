import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { whoever } from "../../api/login";
import { ApiProblem } from "../../api/problems";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Problem } from "../../ui/Page";
import { Door } from "./Door";

// What the server says to somebody whose password was right and who has codes on.
const NEEDS_CODE = "totp_required";

export default function Login() {
  const navigate = useNavigate();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [needsCode, setNeedsCode] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [isAsking, setIsAsking] = useState(false);

  const logIn = async (): Promise<void> => {
    setIsAsking(true);
    setProblem(null);
    try {
      await logInWith(username, password, code);
      await navigate({ to: "/" });
    } catch (refusal) {
      if (refusal instanceof ApiProblem && refusal.code === NEEDS_CODE && !needsCode) setNeedsCode(true);
      else setProblem(refusal);
    } finally {
      setIsAsking(false);
    }
  };

  return (
    <Door title="Log in" onSubmit={() => void logIn()}>
      <TextField
        label="Name"
        value={username}
        onChange={setUsername}
        autoComplete="username"
        isRequired
      />
      <TextField
        label="Password"
        type="password"
        value={password}
        onChange={setPassword}
        autoComplete="current-password"
        isRequired
      />
      {needsCode && (
        <TextField
          label="Code"
          value={code}
          onChange={setCode}
          autoComplete="one-time-code"
          hint="Of your authenticator app, or a recovery code."
        />
      )}
      {problem !== null && <Problem problem={problem} />}
      <Button type="submit" kind="filled" isWide isDisabled={isAsking}>
        {isAsking ? "Logging in" : "Log in"}
      </Button>
      <p className="quiet">
        New here? <Link to="/setup">Make your user</Link>
      </p>
    </Door>
  );
}

/** Open a session and learn who it is of. */
export async function logInWith(username: string, password: string, code = ""): Promise<void> {
  const body = code ? { username, password, code } : { username, password };
  await ask(api.POST("/auth/session", { body }));
  await whoever();
}
