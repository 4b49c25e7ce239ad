#!/usr/bin/env python3
"""The gate's rules a second time, from the texts of the norm and the laws, to compare with the program.

It shares no table and no code with the program: its calendar reads the sentences of the State
Council's notices, its laws are written out below, and it finds the next allowed instant by trying
every instant at which anything can change. Needs Python 3.9 and nothing else.

    reference.py PROGRAM --count 100000 --seed 1        asks the program and compares
    reference.py PROGRAM --count 1000000 --next 0.01    every hundredth with its next instant

Exit code 1, and the first differences, where the two do not say the same.
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import threading
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

HERE = pathlib.Path(__file__).resolve().parent
UTC = timezone.utc
US = timedelta(microseconds=1)
DAY = timedelta(days=1)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

# --- days of mainland China, from the sentences of the notices -----------------------------------

NOTICES = {
    2025: """一、元旦:1月1日放假1天,不调休。二、春节:1月28日至2月4日放假调休,共8天。1月26日、2月8日上班。
三、清明节:4月4日至6日放假,共3天。四、劳动节:5月1日至5日放假调休,共5天。4月27日上班。
五、端午节:5月31日至6月2日放假,共3天。六、国庆节、中秋节:10月1日至8日放假调休,共8天。9月28日、10月11日上班。""",
    2026: """一、元旦:1月1日至3日放假调休,共3天。1月4日上班。二、春节:2月15日至23日放假调休,共9天。2月14日、2月28日上班。
三、清明节:4月4日至6日放假,共3天。四、劳动节:5月1日至5日放假调休,共5天。5月9日上班。
五、端午节:6月19日至21日放假,共3天。六、中秋节:9月25日至27日放假,共3天。
七、国庆节:10月1日至7日放假调休,共7天。9月20日、10月10日上班。""",
}
# New Year, the eve and first three days of the lunar year, Qingming, 1-2 May, Dragon Boat,
# Mid-Autumn, 1-3 October, for years without a notice.
STATUTORY = {2027: "0101 0205 0206 0207 0208 0405 0501 0502 0609 0915 1001 1002 1003",
             2028: "0101 0125 0126 0127 0128 0404 0501 0502 0528 1001 1002 1003"}
STATUTORY_2026 = "0101 0216 0217 0218 0219 0405 0501 0502 0619 0925 1001 1002 1003"


def read_notice(year, text):
    off, work = set(), set()
    for month, first, month2, last in re.findall(r"(\d+)月(\d+)日(?:至(?:(\d+)月)?(\d+)日)?放假", text):
        begin = date(year, int(month), int(first))
        end = date(year, int(month2 or month), int(last or first))
        while begin <= end:
            off.add(begin)
            begin += DAY
    for days in re.findall(r"。((?:\d+月\d+日、?)+)上班", text):
        work |= {date(year, int(m), int(d)) for m, d in re.findall(r"(\d+)月(\d+)日", days)}
    return off, work


OFF, WORK = set(), set()
for _year, _text in NOTICES.items():
    _off, _work = read_notice(_year, _text)
    OFF |= _off
    WORK |= _work
FIXED = [date(year, int(d[:2]), int(d[2:]))
         for year, days in {**STATUTORY, 2026: STATUTORY_2026}.items() for d in days.split()]


@lru_cache(maxsize=None)
def china(day):
    """Kind of day, and whether a day without a final notice lies near a statutory date."""
    if day in OFF:
        return "holiday", False
    if day.year > 2026 or (day.year == 2026 and (day.month, day.day) >= (12, 26)):
        near = any(fixed - 3 * DAY <= day <= fixed + 7 * DAY for fixed in FIXED)
        return ("provisional" if day.year == 2026 else "unknown"), near
    if day in WORK:
        return "makeup", False
    return ("rest" if day.weekday() >= 5 else "workday"), False


@lru_cache(maxsize=None)
def french_holiday(day):
    """Code du travail, L. 3133-1; Easter by counting full moons (Carter's rule, 1900 to 2099)."""
    year = day.year
    d = 225 - 11 * (year % 19)
    while d > 50:
        d -= 30
    d -= d > 48
    e = (year + year // 4 + d + 1) % 7
    easter = date(year, 3, 1) + (d + 7 - e - 1) * DAY
    moving = {easter + n * DAY for n in (1, 39, 50)}
    return day in moving or (day.month, day.day) in {
        (1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}


@lru_cache(maxsize=None)
def australian_holiday(day):
    """Days of the whole country; a weekday stands in for New Year, Australia Day and Christmas."""
    year = day.year
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30  # Gauss, as told by Butcher
    l = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * l) // 451
    month, rest = divmod(h + l - 7 * m + 114, 31)
    easter = date(year, month, rest + 1)
    days = {easter - 2 * DAY, easter + DAY, date(year, 4, 25)}
    for fixed in (date(year, 1, 1), date(year, 1, 26), date(year, 12, 25), date(year, 12, 26)):
        days.add(fixed)
        while fixed.weekday() >= 5 or (fixed in days and fixed.month == 12 and fixed.day > 26):
            fixed += DAY
        days.add(fixed)
    return day in days


# --- places -----------------------------------------------------------------------------------------

NY, CHI, DEN, PHX, LA, HON = ("America/New_York", "America/Chicago", "America/Denver",
                              "America/Phoenix", "America/Los_Angeles", "Pacific/Honolulu")
PLACES = {
    "13800138000": ("CN", ["Asia/Shanghai"]), "01062345678": ("CN", ["Asia/Shanghai"]),
    "+8613912345678": ("CN", ["Asia/Shanghai"]), "10086": ("CN", ["Asia/Shanghai"]),
    "+33123456789": ("FR", ["Europe/Paris"]), "+33612345678": ("FR", ["Europe/Paris"]),
    "+442079460123": ("GB", ["Europe/London"]), "+493012345678": ("DE", ["Europe/Berlin"]),
    "+12125550123": ("US-NY", [NY]), "+13125550123": ("US-IL", [CHI]),
    "+16025550123": ("US-AZ", [PHX]), "+18085550123": ("US-HI", [HON]),
    "+13055550123": ("US-FL", [NY]), "+18505550123": ("US-FL", [CHI, NY]),
    "+14055550123": ("US-OK", [CHI]), "+12065550123": ("US-WA", [LA]),
    "+15125550123": ("US-TX", [CHI]), "+19155550123": ("US-TX", [DEN]),
    # None in British Columbia: tz data before 2026 knows nothing of its clocks of November 2026.
    "+14165550123": ("CA", ["America/Toronto"]), "+19025550123": ("CA", ["America/Halifax"]),
    # A mobile may be anywhere; of the lines, 02 has Lord Howe and 07 a part of New South Wales.
    "+61412345678": ("AU", [f"Australia/{city}" for city in
                            ("Adelaide", "Brisbane", "Eucla", "Lord_Howe", "Perth", "Sydney")]
                     + ["Indian/Christmas", "Indian/Cocos"]),
    "+61291234567": ("AU", ["Australia/Lord_Howe", "Australia/Sydney"]),
    "+61391234567": ("AU", ["Australia/Melbourne"]),
    "+61731234567": ("AU", ["Australia/Brisbane", "Australia/Sydney"]),
    "+919812345678": ("IN", ["Asia/Kolkata"]), "+81312345678": ("JP", ["Asia/Tokyo"]),
    "+18005550123": (None, []), "110": ("EMERGENCY", []), "12": ("BAD", []),
}
REGISTERS = ("uk-tps", "us-national-dnc", "fr-bloctel", "au-dncr", "ca-national-dncl")


def zone(name):
    return ZoneInfo(name)


def clock(text):
    hour, minute = text.split(":")
    return int(hour) * 3600 + int(minute) * 60


def spans(text):
    """`08:30-12:00 13:00-17:30` as pairs of seconds."""
    return [tuple(map(clock, part.split("-"))) for part in text.split()]


def cut(windows, bans):
    """Whole seconds of a day that are in a window and in no ban, as sorted pairs."""
    edges = sorted({0, 86400, *(x for pair in windows + bans for x in pair)})
    out = []
    for a, b in zip(edges, edges[1:]):
        if any(s <= a and b <= e for s, e in windows) and not any(s <= a and b <= e for s, e in bans):
            if out and out[-1][1] == a:
                out[-1] = (out[-1][0], b)
            else:
                out.append((a, b))
    return out


def within(second, pairs):
    return any(a <= second < b for a, b in pairs)


def later(day, days, months):
    """So many days later or so many months, whichever is the later; months end with their last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - DAY).day
    return max(date(year, month + 1, min(day.day, last)) if months else day, day + days * DAY)


# --- one rule set in one zone: names of the rules that refuse ----------------------------------

class View:
    """The call as one rule set sees it in one zone."""

    def __init__(self, call, at, zone_name):
        self.call, self.at, self.tz = call, at, zone(zone_name)
        self.local = at.astimezone(self.tz)
        self.day = self.local.date()
        self.second = self.local.hour * 3600 + self.local.minute * 60 + self.local.second
        self.weekday = self.day.weekday()
        self.refused = set()

    def midnight(self, day):
        return datetime(day.year, day.month, day.day, tzinfo=self.tz).astimezone(UTC)

    def refuse(self, rule, when):
        if when:
            self.refused.add(rule)

    def hours(self, windows, bans="", guard=0):
        """`window` and `guard`; bans refuse by themselves."""
        windows, bans = spans(windows), spans(bans)
        self.refuse("window", not within(self.second, windows))
        legal = cut(windows, bans)
        if guard:
            self.refuse("guard", within(self.second, legal)
                        and not within(self.second, [(a, b - guard) for a, b in legal]))

    def events(self, kinds, keys=(), customer=False):
        for past in self.call["past"]:
            if past["what"] not in kinds or (past["via"] == "customer" and not customer):
                continue
            mine = {"purpose": self.call["purpose"], "subject": self.call.get("subject"),
                    "seller": self.call.get("seller"), "campaign": self.call.get("campaign")}
            if all(past.get(k) is None or mine[k] is None or past[k] == mine[k] for k in keys):
                yield past["instant"]

    def release(self, instant, per):
        if per.startswith("hours:"):
            return instant + timedelta(hours=int(per[6:]))
        day = instant.astimezone(self.tz).date()
        if per == "day":
            return self.midnight(day + DAY)
        if per == "week":
            return self.midnight(day + (7 - day.weekday()) * DAY)
        return self.midnight(day + int(per[5:]) * DAY)

    def cap(self, rule, most, per, keys=(), kinds=("attempt", "answered"), customer=False):
        counted = sum(self.at < self.note(self.release(i, per))
                      for i in self.events(kinds, keys, customer))
        self.refuse(rule, counted >= most)

    def cooldown(self, rule, what, days=0, months=0, keys=(), customer=True):
        for instant in self.events((what,), keys, customer):
            self.refuse(rule, self.at < self.note(self.over(instant, days, months)))

    def register(self, name, days=0, months=0, lifted_by=("consent",)):
        """Refuses who is on it, and everybody when it is missing or was issued too long ago."""
        edition = self.call["registers"].get(name)
        fresh = edition and self.day <= later(date.fromisoformat(edition["issued"]), days, months)
        if not set(lifted_by) & set(self.call["claims"]):
            self.refuse(name, not fresh or edition["listed"])

    def over(self, instant, days, months):
        """First instant after the last blocked day; day 0 is the day of the request."""
        if not (days or months):
            return FOREVER
        return self.midnight(later(instant.astimezone(self.tz).date(), days, months) + DAY)

    def note(self, instant):
        """An instant at which the answer may change, for the search."""
        self.call.setdefault("edges", set()).add(instant)
        return instant


def sales_claims(call):
    return set(call["claims"])


def cn_service(v):
    v.refuse("night", not within(v.second, spans("08:00-20:00")))
    v.cooldown("cooldown", "action:do_not_disturb", days=90, customer=False)
    kind, near = china(v.day)
    v.refuse("calendar-gap", kind in ("provisional", "unknown") and near)
    v.refuse("statutory-holiday", kind == "holiday")
    hours = {"workday": "08:30-17:30", "makeup": "08:30-17:30", "rest": "09:00-17:00", "holiday": ""}
    v.hours(hours.get(kind, "09:00-17:00"), "00:00-08:00 20:00-24:00")


def cn_sales(v):
    v.refuse("night", not within(v.second, spans("08:00-20:00")))
    v.refuse("sales-night", not within(v.second, spans("09:00-21:00")))
    v.cooldown("do-not-disturb", "action:do_not_disturb", months=6)
    v.cooldown("refused", "label:refused", months=6, keys=("purpose", "subject"))
    kind, _ = china(v.day)
    v.refuse("calendar-gap", kind in ("provisional", "unknown"))
    v.refuse("statutory-holiday", kind == "holiday")
    hours = {"workday": "09:00-17:30", "makeup": "09:00-17:30", "rest": "09:00-17:00", "holiday": ""}
    bans = "00:00-24:00" if kind == "holiday" else "00:00-09:00 20:00-24:00"
    v.hours(hours.get(kind, "09:00-17:00"), bans, 60)


def us_federal(v):
    v.register("us-national-dnc", 31)
    v.cooldown("do-not-call", "action:do_not_disturb", keys=("seller",))
    v.hours("08:00-21:00", guard=60)


def three_a_day(v):
    v.hours("08:00-20:00")
    v.cap("three-a-day", 3, "hours:24", ("seller", "subject"))


def washington(v):
    v.hours("08:00-20:00")
    v.cooldown("do-not-call", "action:do_not_disturb", months=12)


def texas(v):
    v.hours("12:00-21:00" if v.weekday == 6 else "09:00-21:00")


def france(v):
    """No source names a night here, nor in Britain or Germany: those rules of ours sleep."""
    claims = sales_claims(v.call)
    if v.day <= date(2026, 8, 10):
        v.register("fr-bloctel", months=1, lifted_by=("running_contract",))
    v.refuse("opt-in", v.day >= date(2026, 8, 11) and not claims & {"consent", "running_contract"})
    v.cooldown("refused", "label:refused", days=60, keys=("seller",))
    v.cooldown("do-not-call", "action:do_not_disturb", keys=("seller",))
    v.cap("four-in-thirty-days", 4, "days:30", ("seller",))
    consent, holiday = "consent" in claims, french_holiday(v.day)
    v.refuse("public-holiday", holiday and not consent)
    open_day = v.weekday < 5 and not holiday
    hours = "00:00-24:00" if consent else "10:00-13:00 14:00-20:00" if open_day else ""
    bans = "00:00-24:00" if holiday and not consent else ""
    v.hours(hours, bans, 60)


def britain(v):
    v.register("uk-tps", 28)
    v.cooldown("do-not-call", "action:do_not_disturb", keys=("seller",), customer=False)


def germany(v):
    v.refuse("consent", "consent" not in v.call["claims"])
    v.cooldown("do-not-call", "action:do_not_disturb", keys=("seller",))


def australia(v):
    consent, holiday = "consent" in v.call["claims"], australian_holiday(v.day)
    v.refuse("public-holiday", holiday and not consent)
    if v.call["purpose"] != "survey":
        v.register("au-dncr", 30)
    if v.call["purpose"] == "survey":
        hours = "09:00-20:30" if v.weekday < 5 else "09:00-17:00"
    else:
        hours = "09:00-20:00" if v.weekday < 5 else "09:00-17:00" if v.weekday == 5 else ""
    hours = "00:00-24:00" if consent else "" if holiday else hours
    v.hours(hours, "00:00-24:00" if holiday and not consent else "", 60)


def canada_sales(v):
    v.register("ca-national-dncl", 31, lifted_by=("consent", "running_contract"))
    v.hours("09:00-21:30" if v.weekday < 5 else "10:00-18:00", guard=60)
    v.cooldown("do-not-call", "action:do_not_disturb", days=1110, keys=("seller",), customer=False)


def india(v):
    v.hours("09:00-21:00", guard=60)


def japan(v):
    v.cooldown("refused", "label:refused", keys=("seller", "subject"))
    v.cooldown("do-not-call", "action:do_not_disturb", keys=("seller",))


def japan_debts(v):
    v.hours("00:00-24:00" if "consent" in v.call["claims"] else "08:00-21:00")


def canada(v):
    """reference-rules.toml, ref-law."""
    call, claims = v.call, set(v.call["claims"])
    if not call.get("case"):
        claims.discard("customer_requested_callback")
    v.refuse("opt-in", v.day >= date(2026, 6, 1) and not claims & {"consent", "running_contract"})
    v.refuse("night", not within(v.second, spans("07:00-22:00")))
    bans = "00:00-07:00 22:00-24:00"
    if "customer_requested_callback" not in claims:
        bans += " 12:00-13:15"
        v.refuse("noon", within(v.second, spans("12:00-13:15")))
    if v.weekday == 6 and "consent" not in claims:
        bans += " 00:00-24:00"
        v.refuse("sunday", True)
    if v.weekday == 2 and date(2026, 5, 1) <= v.day <= date(2026, 5, 31):
        bans += " 00:00-24:00"
        v.refuse("may", True)
    hours = "09:00-21:30" if v.weekday < 5 else "10:00-18:00"
    if "running_contract" in claims:
        hours += " 06:30-09:30"
    v.hours(hours, bans, 90)
    v.cap("two-a-day", 2, "day", ("subject",))
    v.cap("three-a-week", 3, "week")
    v.cap("one-talk", 1, "hours:36", ("purpose",), ("answered",), customer=True)
    months = 1 if call["purpose"].startswith("care.") else 0
    v.cooldown("rest", "label:refused", days=10, months=months, keys=("seller",), customer=False)


def campaign(v):
    v.hours("08:00-17:00")
    v.cap("once", 1, "days:3", ("campaign",), customer=True)


BLACKOUT = (datetime(2026, 3, 10, 15, 30, tzinfo=UTC), datetime(2026, 3, 12, 17, 45, 30, tzinfo=UTC))


def family(purpose, *stems):
    return any(purpose == stem or purpose.startswith(stem + ".") for stem in stems)


def sets_for(region, zones, call):
    """Rule sets that speak of a call: rules, zones, first and last day, and whether it is a base."""
    purpose, always = call["purpose"], (date.min, date.max)
    if region == "CN" and (family(purpose, "service") or purpose == "survey"
                           or purpose.startswith("callback.")):
        yield cn_service, zones, (date(2025, 1, 1), date.max), True
    if region == "CA":
        if family(purpose, "care"):
            yield canada, zones, always, True
        if call.get("campaign") == "spring":
            yield campaign, ["America/Toronto"], (date(2026, 2, 10), date(2026, 9, 15)), False
    if region == "AU" and (family(purpose, "sales") or purpose == "survey"):
        yield australia, zones, always, True
    if region == "JP" and family(purpose, "collection"):
        yield japan_debts, zones, always, True
    if not family(purpose, "sales"):
        return
    if region == "CA":
        yield canada_sales, zones, always, True
    if region == "IN":
        yield india, zones, always, True
    if region == "JP":
        yield japan, zones, always, True
    if region == "CN":
        yield cn_sales, zones, (date(2025, 1, 1), date.max), True
    if region == "FR":
        yield france, zones, (date(2023, 3, 1), date.max), True
    if region == "GB":
        yield britain, zones, always, True
    if region == "DE":
        yield germany, zones, always, True
    if region and region.startswith("US"):
        yield us_federal, zones, always, True
    if region in ("US-FL", "US-OK"):
        begin = date(2022, 11, 1) if region == "US-OK" else date.min
        yield three_a_day, zones, (begin, date.max), True
    if region == "US-WA":
        yield washington, zones, always, True
    if region == "US-TX":
        yield texas, zones, always, True
        yield texas, [CHI], always, True


def decide(call, at):
    """None: not gated; else the names of all rules that refuse, of the first zone that refuses."""
    region, zones = PLACES[call["number"]]
    if region == "EMERGENCY":
        return None
    if region == "BAD":
        return {"number"}
    refused, base = set(), False
    if region == "CA" and call["purpose"].startswith("care.") and BLACKOUT[0] <= at < BLACKOUT[1]:
        refused.add("blackout")
    for rules, where, (first, last), is_base in sets_for(region, zones, call):
        for name in where:
            view = View(call, at, name)
            if first <= view.day <= last:
                base |= is_base
                rules(view)
                if view.refused:  # one zone that refuses is enough, and is the one told of
                    refused |= view.refused
                    break
    return refused | (set() if base else {"no_ruleset"})


def verdict_of(refused):
    return "deny" if refused else "allow"


def next_allowed(call, at):
    """Tries every instant at which an answer can change, in order, for 400 days."""
    refused = decide(call, at)
    if not refused:
        return at
    region, zones = PLACES[call["number"]]
    if region == "BAD":
        return None
    end = at + 400 * DAY
    names = {name for _, where, _, _ in sets_for(region, zones, call) for name in where}
    fixed = sorted(i for i in call.get("edges", set()) | set(BLACKOUT) if at < i <= end)
    low = datetime(at.year, at.month, at.day, tzinfo=UTC)
    while low <= end:
        high = low + DAY
        found = {i for i in fixed if low <= i < high}
        for name in names:
            for n in (-1, 0, 1):
                found |= {i for i in turns(name, low.date() + n * DAY) if low <= i < high}
        for instant in sorted(i for i in found if at < i <= end):
            if not decide(call, instant):
                return instant
        low = high
    return None


@lru_cache(maxsize=100_000)
def turns(name, day):
    """Instants of a local day at which some rule may change its mind."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone(name))
    times = "00:00 06:30 07:00 08:00 08:30 09:00 10:00 11:00 12:00 13:00 13:15 14:00"
    seconds = map(clock, times.split())
    return [start.replace(hour=s // 3600, minute=s // 60 % 60).astimezone(UTC) for s in seconds]


# --- questions at random ---------------------------------------------------------------------------

PURPOSES = ["sales", "sales", "sales.life", "service", "service.renewal", "survey", "callback.routine",
            "care", "care.visit", "other"]
TIMES = "00:00 06:30 07:00 08:00 08:30 09:00 09:30 10:00 11:00 12:00 13:00 13:15 14:00 17:00 17:30 " \
        "18:00 20:00 21:00 21:30 22:00".split()
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def choose_instant(rng, zones):
    at = BEGIN + timedelta(microseconds=rng.randrange(730 * 86400 * 10**6))
    if zones and rng.random() < 0.5:  # close to an hour that rules name
        local = at.astimezone(zone(rng.choice(zones)))
        hour, minute = rng.choice(TIMES).split(":")
        near = local.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        offset = rng.choice([0, -1, 1, -10**6, -60 * 10**6, -60 * 10**6 - 1, -90 * 10**6, 10**6])
        at = near.astimezone(UTC) + timedelta(microseconds=offset)
    if rng.random() < 0.1:  # around the blackout, and a law's first day
        around = rng.choice([*BLACKOUT, datetime(2026, 8, 10, 22, tzinfo=UTC)])
        at = around + timedelta(microseconds=rng.choice([-1, 0, 1, rng.randrange(-10**11, 10**11)]))
    return at


def maybe(rng, share, values):
    return rng.choice(values) if rng.random() < share else None


def question(rng):
    number = rng.choice(list(PLACES))
    region, zones = PLACES[number]
    purpose = rng.choice(PURPOSES)
    if region not in ("CN", None) and rng.random() < 0.85:
        purpose = rng.choice({"CA": ["care", "care.visit", "sales"], "AU": ["sales", "survey"],
                              "JP": ["sales", "collection"]}.get(region, ["sales", "sales.life"]))
    at = choose_instant(rng, zones)
    call = {"number": number, "purpose": purpose, "at": at,
            "subject": maybe(rng, 0.5, "ab"), "seller": maybe(rng, 0.3, ["s1", "s2"]),
            "campaign": maybe(rng, 0.4, ["spring", "fall"]), "case": maybe(rng, 0.5, ["c-1"]),
            "claims": rng.sample(["consent", "running_contract", "customer_requested_callback"],
                                 rng.choice([0, 0, 1, 1, 2])), "past": []}
    call["registers"] = {
        name: {"issued": (at.date() - rng.choice([0, 1, 20, 27, 28, 29, 30, 31, 32, 33]) * DAY).isoformat(),
               "listed": rng.random() < 0.1}
        for name in REGISTERS if rng.random() < 0.9}
    for _ in range(rng.choice([0, 0, 1, 2, 4, 6])):
        days = rng.choice([1, 3, 35, 100, 400])
        what = rng.choice(["attempt", "attempt", "answered", "answered", "label:refused",
                           "action:do_not_disturb", "label:valid"])
        if what.startswith("action") and rng.random() < 0.6:
            continue
        instant = at - timedelta(microseconds=rng.randrange(-10**10, days * 86400 * 10**6))
        call["past"].append({"instant": instant, "what": what, "via": rng.choice(["number"] * 3 + ["customer"]),
                             "purpose": maybe(rng, 0.5, ["sales", "care", "service"]),
                             "subject": maybe(rng, 0.5, "ab"), "seller": maybe(rng, 0.3, ["s1", "s2"]),
                             "campaign": maybe(rng, 0.3, ["spring", "fall"])})
    return call


def stamp(instant):
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_json(call, want_next):
    plain = {key: value for key, value in call.items() if value is not None and key != "edges"}
    plain["at"], plain["next"] = stamp(call["at"]), want_next
    plain["past"] = [{**{k: v for k, v in past.items() if v is not None and k != "instant"},
                      "at": stamp(past["instant"])} for past in call["past"]]
    return json.dumps(plain)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--next", type=float, default=0.02, help="share with its next instant")
    args = parser.parse_args()
    data = HERE.parent.parent / "src/core/gate/data"
    files = [data / f"{name}.toml" for name in
             ("cn-seed-service", "cn-insurance-sales", "us-federal", "fr", "uk", "de", "au", "ca", "in",
              "jp")]
    command = [args.program, "gate", "explain", "--batch", "-"]
    for file in [*files, HERE / "reference-rules.toml"]:
        command += ["--rules", str(file)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def calls():
        """The same each time: nobody has to remember a million of them."""
        rng = random.Random(args.seed)
        for _ in range(args.count):
            yield question(rng), rng.random() < args.next

    def feed():
        with process.stdin as pipe:
            for call, want in calls():
                pipe.write(as_json(call, want) + "\n")

    threading.Thread(target=feed, daemon=True).start()
    differences, allowed, searched, rules = 0, 0, 0, {}
    for number, (call, want) in enumerate(calls()):
        answer = json.loads(process.stdout.readline() or '{"verdict": "the program has ended"}')
        refused = decide(call, call["at"])
        mine = {"verdict": verdict_of(refused), "refused_by": sorted(refused or ())}
        theirs = {"verdict": answer["verdict"], "refused_by": sorted(set(answer.get("refused_by", ())))}
        if want:
            searched += 1
            found = next_allowed(call, call["at"])
            mine["next"] = found and stamp(found)
            told = answer.get("next_allowed_at")
            theirs["next"] = told and stamp(datetime.fromisoformat(re.sub(
                r"\.(\d+)", lambda m: "." + m[1].ljust(6, "0"), told.replace("Z", "+00:00"))))
        allowed += mine["verdict"] == "allow"
        for rule in mine["refused_by"]:
            rules[rule] = rules.get(rule, 0) + 1
        if mine != theirs:
            differences += 1
            if differences <= 5:
                print(f"question {number}: {as_json(call, want)}\n  here    {mine}\n  program {theirs}")
            if "ended" in answer["verdict"]:
                break
    process.stdout.close()
    process.wait()
    print(f"{args.count} questions, {allowed} allowed, {searched} with their next instant, "
          f"seed {args.seed}: {differences} differences")
    print("refused by " + ", ".join(f"{rule} {count}" for rule, count in sorted(rules.items())))
    return 1 if differences or process.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
