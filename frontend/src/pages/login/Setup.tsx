import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Problem } from "../../ui/Page";
import { Door } from "./Door";
import { logInWith } from "./Login";

/** Make a user. The invitation comes behind `#invite=`, which no browser sends to a server. */
export default function Setup() {
  const navigate = useNavigate();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [invite, setInvite] = useState(inviteInAddress);
  const [timezone, setTimezone] = useState(zoneOfMachine);
  const [problem, setProblem] = useState<unknown>(null);
  const [isAsking, setIsAsking] = useState(false);

  const register = async (): Promise<void> => {
    setIsAsking(true);
    setProblem(null);
    const body = { username, password, timezone, ...(invite ? { invite } : {}) };
    try {
      await ask(api.POST("/auth/register", { body }));
      await logInWith(username, password);
      await navigate({ to: "/strategies" });
    } catch (refusal) {
      setProblem(refusal);
    } finally {
      setIsAsking(false);
    }
  };

  return (
    <Door title="Make your user" onSubmit={() => void register()}>
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
        autoComplete="new-password"
        hint="Long is better than complicated: a few words are good."
        isRequired
      />
      <TextField
        label="Invitation"
        value={invite}
        onChange={setInvite}
        hint="The server prints one for the first user when it starts; later ones come from an admin."
      />
      <TextField
        label="Time zone"
        value={timezone}
        onChange={setTimezone}
        hint="Where your trading day begins and ends, as Europe/Prague."
        isRequired
      />
      {problem !== null && <Problem problem={problem} />}
      <Button type="submit" kind="filled" isWide isDisabled={isAsking}>
        {isAsking ? "Making your user" : "Make my user"}
      </Button>
      <p className="quiet">
        Two paper accounts with 10,000 USDT each come along. Registered already?{" "}
        <Link to="/login">Log in</Link>
      </p>
    </Door>
  );
}

function inviteInAddress(): string {
  return new URLSearchParams(window.location.hash.slice(1)).get("invite") ?? "";
}

function zoneOfMachine(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
