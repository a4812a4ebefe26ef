import { Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

import { usePerson } from "../api/login";
import { Banners } from "./Banners";
import { Navigation } from "./Navigation";
import style from "./Shell.module.css";
import { Strip } from "./Strip";
import { useJumps } from "./useJumps";

/** What stands around every page. */
export default function Shell() {
  const person = usePerson();
  const navigate = useNavigate();
  useJumps();
  useEffect(() => {
    if (!person) void navigate({ to: "/login" });
  }, [person, navigate]);
  if (!person) return null;
  return (
    <div className={style.shell}>
      <a className={style.skip} href="#page">
        Skip to the page
      </a>
      <Navigation />
      <div className={style.rest}>
        <Strip />
        <Banners />
        <main id="page" className={style.page} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}
