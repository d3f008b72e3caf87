"""The days of the years as files: `2026/days.csv`, `2026/easter.txt`, `2026/03/01.txt`.

A year needs no upstream, so this provider asks the host for its configuration alone. What a
name stands for is worked out from the name, and a number says everything about its object:
nothing is remembered between calls, and any instance answers any call.
"""

import json
from calendar import TextCalendar, monthrange
from datetime import MAXYEAR, MINYEAR, date, timedelta
from typing import Optional

from wit_world import exports
from wit_world.exports.filesystem import LookupResult, NodeKind
from wit_world.imports import config

ROOT = 0

# What an inode is, in its digits from the ninth on; the eight below are the date, with zeros
# for what it does not have: 3_2026_03_01 is the file of the first of March.
ERROR, YEAR, DAY, MONTH_CALENDAR, MONTH, DAYS, EASTER = range(1, 8)
DIRECTORIES = (YEAR, MONTH)

ERROR_FILE, CALENDAR_FILE, DAYS_FILE, EASTER_FILE = (
    "error.txt", "calendar.txt", "days.csv", "easter.txt")


class Filesystem(exports.Filesystem):
    """The three operations of a provider."""

    def lookup_child(self, parent: int, name: str) -> Optional[LookupResult]:
        inode = child(parent, name)
        if inode is None:
            return None
        directory = inode // 10**8 in DIRECTORIES
        return LookupResult(inode, NodeKind.DIRECTORY if directory else NodeKind.FILE)

    def list_children(self, inode: int) -> list[str]:
        if inode == ROOT:
            first, last, problem = years()
            listed = [f"{year:04}" for year in range(first, last + 1)]
            return [ERROR_FILE] if problem else listed
        what, year, month, _ = parts(inode)
        if what == YEAR:
            return [DAYS_FILE, EASTER_FILE, *(f"{month:02}" for month in range(1, 13))]
        if what == MONTH:
            last = monthrange(year, month)[1]
            return [CALENDAR_FILE, *(f"{day:02}.txt" for day in range(1, last + 1))]
        return []

    def read_file(self, inode: int) -> Optional[bytes]:
        what, year, month, day = parts(inode)
        if what == ERROR:
            text = years()[2]
        elif what == DAY:
            text = "".join(f"{key}: {value}\n" for key, value in facts(date(year, month, day)))
        elif what == MONTH_CALENDAR:
            text = TextCalendar().formatmonth(year, month)
        elif what == DAYS:
            text = table(year)
        elif what == EASTER:
            text = f"{easter(year)}\n"
        else:
            text = None
        return text.encode() if text else None


def years() -> tuple[int, int, str]:
    """Returns the first and the last year that are listed, and what is wrong with the
    configuration, if anything is."""
    today = date.today().year
    # Numbers of TOML arrive as numbers of JSON.
    settings = json.loads(config.get())
    first, last = settings.get("first", today), settings.get("last", today + 1)
    for key, year in (("first", first), ("last", last)):
        if type(year) is not int or not MINYEAR <= year <= MAXYEAR:
            reason = f"{key} = {json.dumps(year)} in [provider.config] is no year of 1 to 9999\n"
            return today, today, reason
    wrong = f"first = {first} is after last = {last} in [provider.config]\n"
    return first, last, wrong if first > last else ""


def inode_of(what: int, year: int = 0, month: int = 0, day: int = 0) -> int:
    return ((what * 10**4 + year) * 100 + month) * 100 + day


def parts(inode: int) -> tuple[int, int, int, int]:
    """Takes an inode apart again."""
    return inode // 10**8, inode // 10**4 % 10**4, inode // 100 % 100, inode % 100


def child(parent: int, name: str) -> Optional[int]:
    """Returns the inode of a name. Years that are not listed are there all the same."""
    what, year, month, _ = parts(parent)
    if parent == ROOT:
        if name == ERROR_FILE:
            return inode_of(ERROR) if years()[2] else None
        number = number_of(name, 4)
        return inode_of(YEAR, number) if MINYEAR <= number else None
    if what == YEAR:
        files = {DAYS_FILE: inode_of(DAYS, year), EASTER_FILE: inode_of(EASTER, year)}
        number = number_of(name, 2)
        return inode_of(MONTH, year, number) if 1 <= number <= 12 else files.get(name)
    if what == MONTH:
        if name == CALENDAR_FILE:
            return inode_of(MONTH_CALENDAR, year, month)
        number = number_of(name.removesuffix(".txt"), 2) if name.endswith(".txt") else 0
        there = 1 <= number <= monthrange(year, month)[1]
        return inode_of(DAY, year, month, number) if there else None
    return None


def number_of(name: str, digits: int) -> int:
    """Returns the number that a name is, written with just so many digits, or 0."""
    return int(name) if len(name) == digits and name.isascii() and name.isdigit() else 0


def facts(day: date) -> list[tuple[str, object]]:
    # strftime would write years below 1000 without their zeros.
    year, week, weekday = day.isocalendar()
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return [
        ("date", day.isoformat()),
        ("weekday", names[weekday - 1]),
        ("week", f"{year:04}-W{week:02}"),
        ("day", day.timetuple().tm_yday),
    ]


def table(year: int) -> str:
    """Returns all days of a year, one a line."""
    lines = [",".join(key for key, _ in facts(date(year, 1, 1)))]
    for month in range(1, 13):
        for day in range(1, monthrange(year, month)[1] + 1):
            lines.append(",".join(str(value) for _, value in facts(date(year, month, day))))
    return "\n".join(lines) + "\n"


def easter(year: int) -> date:
    """Returns Easter Sunday of the Gregorian calendar: the Sunday after the full moon of the
    church, which is that of its tables for the epact."""
    century = year // 100
    # Leap days that the centuries leave out, and how far the moon of 19 years has run ahead.
    sun, moon = century - century // 4, (8 * century + 13) // 25
    epact = (19 * (year % 19) + sun - moon + 15) % 30
    # The two exceptions keep a full moon from falling on April 19, or twice on April 18.
    epact -= epact == 29 or (epact == 28 and year % 19 > 10)
    full_moon = date(year, 3, 21) + timedelta(days=epact)
    return full_moon + timedelta(days=7 - full_moon.isoweekday() % 7)
