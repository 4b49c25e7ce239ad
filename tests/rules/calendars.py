#!/usr/bin/env python3
"""The days of mainland China against two packages of other people, day by day, 2007 to 2026.

    tests/support/tools python tests/rules/calendars.py PROGRAM

chinesecalendar and holidays are of two families: their tables were typed in by different people.
Neither has an error that is known in these years, so each difference fails. Exit code 1 then.
"""
import json
import subprocess
import sys
from datetime import date, timedelta

import chinese_calendar
import holidays

YEARS = range(2007, 2027)
# 26 to 31 December 2026 are provisional until the next notice is out.
LAST = date(2026, 12, 25)
# date: (package, what the notice says); none is known.
KNOWN = {}


def ours(program):
    """Days off and days worked, as the program shows them."""
    off, work = set(), set()
    for year in YEARS:
        done = subprocess.run([program, "calendar", "show", "CN", str(year), "--json"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        for day in json.loads(done.stdout)["days"]:
            when = date.fromisoformat(day["date"])
            if when >= date(2007, 1, 1) and day["class"] in ("holiday", "makeup"):
                (off if day["class"] == "holiday" else work).add(when)
    return off, work


def main():
    off, work = ours(sys.argv[1])
    of_holidays = holidays.country_holidays("CN", years=range(2006, 2027))
    packages = {
        "chinesecalendar": chinese_calendar.is_workday,
        "holidays": of_holidays.is_working_day,
    }
    day, compared, differ = date(2007, 1, 1), 0, []
    while day <= LAST:
        worked = day in work or (day.weekday() < 5 and day not in off)
        for name, theirs in packages.items():
            compared += 1
            if theirs(day) != worked and KNOWN.get(day) != (name, worked):
                differ.append(f"{day}: {name} says {'worked' if theirs(day) else 'off'}")
        day += timedelta(days=1)
    print(f"{compared} days compared, {len(differ)} differ; {len(off)} days off, {len(work)} worked")
    print("\n".join(differ[:20]))
    # A list without its breaks would agree with nobody.
    if differ or len(off) < 500 or len(work) < 100:
        sys.exit(1)


main()
