#!/bin/sh
# Writes the tree that the almanac (examples/python) is to show: almanac.sh DIRECTORY.
# Days and weeks are those of date(1); the dates of Easter are written down.
set -eu
for easter in 2024-03-31 2025-04-20 2026-04-05; do
    year=${easter%%-*}
    directory=$1/$year
    for month in 01 02 03 04 05 06 07 08 09 10 11 12; do mkdir -p "$directory/$month"; done
    echo "$easter" > "$directory/easter.txt"
    seq 0 365 | sed "s/.*/$year-01-01 & days/" |
        LC_ALL=C date -u -f - '+%F %A %G-W%V %-j %u %B' |
        awk -v year="$year" -v directory="$directory" '
            BEGIN { print "date,weekday,week,day" > (directory "/days.csv") }
            $1 !~ "^" year { next }
            {
                split($1, date, "-")
                month = directory "/" date[2]
                calendar = month "/calendar.txt"
                day = month "/" date[3] ".txt"
                printf "date: %s\nweekday: %s\nweek: %s\nday: %s\n", $1, $2, $3, $4 > day
                close(day)
                print $1 "," $2 "," $3 "," $4 > (directory "/days.csv")
                if (date[3] == "01") {
                    if (NR > 1) print line > last
                    title = $6 " " year
                    printf "%*s%s\nMo Tu We Th Fr Sa Su\n", int((20 - length(title)) / 2), "", title > calendar
                    line = sprintf("%*s", 3 * ($5 - 1) + 2, date[3] + 0)
                } else if ($5 == 1) {
                    print line > last
                    line = sprintf("%2d", date[3])
                } else {
                    line = line sprintf(" %2d", date[3])
                }
                last = calendar
            }
            END { print line > last }'
done
