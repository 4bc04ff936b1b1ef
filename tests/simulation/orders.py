"""What may happen in the random centre, and how likely it is."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.acd import commands as c
from softswitch.directory.centre import Need
from softswitch.model.states import AgentState
from tests.simulation.centre import IN_CALL, MAXIMUM_LINE, SKILLS, Centre

S = AgentState


def enqueue(w: Centre) -> c.Command:
    if len(w.live_visits) > MAXIMUM_LINE:
        return c.Leave(w.visit(), "abandoned")
    dice = w.dice
    needs = (
        (Need(skill=dice.choice(SKILLS), level=dice.randint(1, 80), mandatory=dice.random() < 0.5),)
        if dice.random() < 0.2
        else ()
    )
    sticky = ((dice.choice(("owner", "last")), dice.choice(w.logins)),) if dice.random() < 0.2 else ()
    return c.Enqueue(
        w.new("v"), w.new("c"), dice.choice(w.queues), dice.choice((0.0, 0.0, 0.0, dice.random() * 100)), dice.randint(0, 100),
        needs, dice.choice(("voice", "voice", "callback")), f"138{dice.randint(0, 50)}", sticky, dice.random() < 0.03,
        dice.choice(("", "south")),
    )  # fmt: skip


def released(w: Centre) -> c.Command:
    login = w.dice.choice(list(w.talks)) if w.talks and w.dice.random() < 0.7 else w.login(*IN_CALL, S.DIALLING, S.RINGING)
    return c.Released(login, w.call_of(login))


def device(w: Centre) -> c.Command:
    if w.dice.random() < 0.8:
        return c.DeviceChanged(w.login(S.NOT_READY), reachable=True)
    return c.DeviceChanged(w.login(), reachable=False)


def station(w: Centre) -> str:
    return w.dice.choice(("browser", "browser", "browser", *(f"extension:{n}" for n in range(1001, 1008))))


def rekey(w: Centre) -> c.Command:
    dice = w.dice
    return c.Rekey(w.visit(), dice.choice((None, dice.randint(0, 100))), dice.choice((None, None, ())), dice.random() < 0.1)


def skills(w: Centre) -> c.Command:
    dice = w.dice
    queues = tuple(dice.sample(w.queues, 2)) if dice.random() < 0.5 else None
    until = w.now + 60 if dice.random() < 0.5 else 0.0
    return c.SetSkills(w.login(), {skill: dice.randint(1, 100) for skill in SKILLS}, queues, until, "wang", dice.random() < 0.2)


def figures(w: Centre) -> c.Command:
    return c.QueueFigures({q: w.dice.random() for q in w.queues}, {q: w.dice.random() for q in w.queues})


LIKELY: dict[Callable[[Centre], c.Command], float] = {
    enqueue: 16,
    lambda w: c.Leave(w.visit(), w.dice.choice(("abandoned", "abandoned", "supervisor", "key"))): 3,
    rekey: 1,
    lambda w: c.Pick(w.login(S.READY, S.NOT_READY, S.WRAP_UP), w.visit()): 1,
    lambda w: c.Intercept(w.visit(), "wang"): 0.3,
    figures: 0.5,
    lambda w: c.Login(w.login(S.LOGGED_OUT), station(w)): 6,
    lambda w: c.Login(w.login(), station(w)): 0.5,
    lambda w: c.Logout(w.login()): 0.5,
    lambda w: c.Ready(w.login(S.NOT_READY, S.NOT_RESPONDING, S.WRAP_UP)): 14,
    lambda w: c.NotReady(w.login(), w.dice.choice(("break", "meal", "training", "meeting"))): 2,
    lambda w: c.DecideReason(w.login(), w.dice.random() < 0.5, "wang"): 2,
    device: 8,
    skills: 0.3,
    lambda w: c.LoadChanged(w.login(), w.dice.choice(("chat", "voice")), w.dice.choice((0, 0, 0, 1))): 0.5,
    lambda w: c.OfferAlerting(w.offer()): 20,
    lambda w: c.OfferAccepted(w.offer()): 14,
    lambda w: c.OfferFailed(w.offer(), w.dice.choice(("reject", "reject", "busy", "device", "lost", "no_answer"))): 3,
    lambda w: c.Dial(w.login(S.READY, S.NOT_READY, S.WRAP_UP, S.PREVIEW), w.new("c")): 1,
    lambda w: c.Dial(w.login(), w.new("c"), placed=True, internal=w.dice.random() < 0.5): 1,
    lambda w: c.DialAnswered(w.login(S.DIALLING)): 3,
    lambda w: c.DialFailed(w.login(S.DIALLING)): 1,
    lambda w: c.Alerted(w.login(S.READY, S.NOT_READY, S.WRAP_UP), w.new("c"), w.dice.random() < 0.5): 1,
    lambda w: c.Answered(login := w.login(S.RINGING), w.call_of(login)): 3,
    lambda w: c.Answered(w.login(), w.new("c"), w.dice.random() < 0.5): 0.5,
    lambda w: c.Joined(w.login(*IN_CALL), w.new("c"), w.dice.choice(("", *w.queues))): 0.5,
    lambda w: c.Hold(w.login(S.TALKING)): 2,
    lambda w: c.Resume(w.login(S.HOLDING)): 2,
    lambda w: c.Consult(w.login(S.TALKING, S.HOLDING)): 1.5,
    lambda w: c.ConsultOver(w.login(S.CONSULTING), w.dice.choice(("cancelled", "failed", "conference"))): 1.5,
    lambda w: c.Conference(w.login(S.TALKING, S.CONSULTING)): 0.5,
    lambda w: c.ConferenceOver(w.login(S.CONFERENCE)): 1,
    released: 14,
    lambda w: c.Preview(w.login(S.READY), w.dice.choice((5.0, 30.0))): 1,
    lambda w: c.PreviewOver(w.login(S.PREVIEW)): 0.3,
    lambda w: c.Disposed(w.login(S.WRAP_UP, *IN_CALL), ("sold",)): 2,
    lambda w: c.WrapUpStart(w.login(S.READY)): 2,
    lambda w: c.WrapUpDone(w.login(S.WRAP_UP), w.dice.choice(((), ("sold",)))): 3,
    lambda w: c.WrapUpExtend(w.login(S.WRAP_UP), "form"): 1,
    lambda w: c.ConnectionLost(w.login()): 1.5,
    lambda w: c.ConnectionBack(w.login(S.OFFLINE)): 3,
    lambda w: c.ForceState(w.login(), w.dice.choice(list(AgentState)), "order", "wang"): 2,
    lambda w: c.ChangeConfig(w.config()): 0.15,
}
