#!/usr/bin/env python3
"""Makes the calendars that nobody announces year by year: dates, computed by the package `holidays`.

    tests/support/tools python src/core/gate/data/make_calendars.py           writes the files
    tests/support/tools python src/core/gate/data/make_calendars.py --check   exit code 1 if they differ

Facts only: dates. A year in which one of them is an estimate (holidays by the moon, India) is left
out, and with it all later ones. Australia: days of the whole country, and those that each of its
states and territories has (weekdays in lieu of them).
"""
import pathlib
import sys

import holidays

HERE = pathlib.Path(__file__).resolve().parent
YEARS = range(2024, 2037)
BY = f"holidays {holidays.__version__}"
COUNTRIES = {
    "AU": ("Australia", "Telemarketing and Research Calls Industry Standard 2017: national public holidays",
           "https://www.donotcall.gov.au/industry/industry-overview/industry-standards"),
    "CA": ("Canada", "holidays of the whole country; no statute was read", "https://github.com/vacanza/holidays"),
    "IN": ("India", "gazetted holidays of the whole country; no statute was read",
           "https://github.com/vacanza/holidays"),
    "JP": ("Japan", "国民の祝日に関する法律 (昭和23年法律第178号), not read", "https://github.com/vacanza/holidays"),
}


def days(code, year):
    """Dates, or None where one is only estimated."""
    found = holidays.country_holidays(code, years=year, language="en_US")
    if any("estimated" in name for name in found.values()):
        return None
    dates = set(found)
    if code == "AU":
        parts = [set(holidays.country_holidays(code, subdiv=part, years=year))
                 for part in holidays.Australia.subdivisions]
        dates |= {day for day in set.intersection(*parts) if day.weekday() < 5}
    return sorted(day for day in dates if day.year == year)


def text(code):
    name, cite, url = COUNTRIES[code]
    out = [f"# Holidays of {name}, computed; made by make_calendars.py, not by hand.",
           "schema = 1", f'calendar = "{code}"', "", "[law]", f'cite = "{cite}"', f'url = "{url}"',
           f'computed_by = "{BY}"']
    for year in YEARS:
        dates = days(code, year)
        if dates is None:
            break
        out += ["", "[[law.years]]", f"year = {year}", "holidays = ["]
        for begin in range(0, len(dates), 6):
            out.append("    " + " ".join(f'"{day.isoformat()}",' for day in dates[begin:begin + 6]))
        out.append("]")
    return "\n".join(out) + "\n"


def main():
    differ = []
    for code in COUNTRIES:
        file = HERE / f"calendar-{code.lower()}.toml"
        made = text(code)
        if "--check" in sys.argv[1:]:
            if not file.exists() or file.read_text(encoding="utf-8") != made:
                differ.append(file.name)
        else:
            file.write_text(made, encoding="utf-8")
    if differ:
        sys.exit("differs from what is computed: " + ", ".join(differ))
    print(f"{len(COUNTRIES)} calendars by {BY}")


main()
