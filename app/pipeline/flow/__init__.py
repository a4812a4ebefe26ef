"""The story, one chapter a file; the only room that joins the stages.

1. `alarms`: an alarm is understood against the open book and becomes signals.
2. `entries`: an approved opening signal is sized, judged by every rule, and becomes an intent;
   `weighing` finds out before whether one approval is enough, `consenting` is a second person's
   word, `stopping` is what keeps an entry from being sent, or filled, after that.
3. `exits`: a signal, a trigger or the trader closes all or part of a position, reduce-only;
   `scheduling` has one wait until the market pays its price.
4. `orders`: an intent is sent once; the venue's answer, or its silence, is recorded.
5. `fills`: executions make, grow, shrink and close positions, and are booked to the day;
   `settling` is what follows from them.
6. `protection`: stops and targets rest at the venue for exactly what is held; `guarded` holds the
   two side by side, `firing` is what happens when a level is reached.
7. `sweeps`: what a crash, a lost note or the clock left to do is found by its status and done.

Beside the chapters: `intake` keeps an alert before it is decided, `chains` notices alerts that
never arrived, `silence` strategies that are not heard of, `gaps` is what the trader decides about
either; `intents` says what one intent asks of the open book, `judging` holds an entry against every
rule, `exposure` collects where the trader stands, `glance` asks once what a strategy has, `tools`
is what the steps work with.

Every step is driven by the state in the database, so the code that finishes half-done work after
a crash is the normal code. A step is a short transaction; no venue is called inside one.
"""
