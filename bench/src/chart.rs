//! Charts of rows: a bar for each contender, on a scale of powers of ten.

use std::fmt::Write as _;

use crate::row::Row;

const WIDTH: f64 = 960.0;
/// Left of the bars are their names, right of them their figures.
const LEFT: f64 = 130.0;
const RIGHT: f64 = 110.0;
const BAR: f64 = 16.0;

/// Colours that remain apart for the colour-blind (Okabe and Ito), ours first.
const COLOURS: [&str; 8] =
    ["#0072b2", "#999999", "#555555", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"];

/// Returns a chart of those rows that have figures. Each row has a scale of its own, which ends at
/// its largest figure.
pub(crate) fn chart(title: &str, rows: &[&Row]) -> String {
    let mut body = String::new();
    let mut y = 40.0;
    for row in rows {
        let bars: Vec<(&str, f64)> = row
            .cells
            .iter()
            .filter_map(|(name, cell)| Some((name.as_str(), cell.value()?)))
            .collect();
        let largest = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let smallest = bars.iter().map(|(_, value)| *value).fold(largest, f64::min);
        if smallest <= 0.0 {
            continue;
        }
        // A whole power of ten below the smallest, so that it has a bar, too.
        let begin = smallest.log10().floor() - 0.3;
        let span = largest.log10() - begin;
        let better = if row.unit.more_is_better() { " (more is better)" } else { "" };
        // Writing to a text does not fail.
        let _ = writeln!(
            body,
            "<text x=\"0\" y=\"{y:.0}\" font-weight=\"bold\">{}{better}</text>",
            escape(&row.what)
        );
        y += 8.0;
        for (name, value) in bars {
            let length = (WIDTH - LEFT - RIGHT) * (value.log10() - begin) / span;
            let (text, end) = (y + BAR - 4.0, LEFT + length + 6.0);
            let _ = writeln!(
                body,
                "<text x=\"{:.0}\" y=\"{text:.0}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LEFT:.0}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"{:.0}\" fill=\"{}\"/>\
                 <text x=\"{end:.1}\" y=\"{text:.0}\">{}</text>",
                LEFT - 6.0,
                escape(name),
                BAR - 3.0,
                colour(name),
                escape(&row.unit.show(value)),
            );
            y += BAR;
        }
        y += 26.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH:.0}\" height=\"{y:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"0\" y=\"16\" font-size=\"15\">{} (bars on a scale of powers of ten)</text>\n{body}</svg>\n",
        escape(title)
    )
}

fn colour(name: &str) -> &'static str {
    const NAMES: [&str; 8] =
        ["omnifs", "tmpfs", "floor", "rclone", "rclone-tuned", "sshfs", "s3fs", "httpdirfs"];
    let place = NAMES.iter().position(|known| *known == name);
    place.and_then(|place| COLOURS.get(place)).copied().unwrap_or("#000000")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Cell;
    use crate::row::Unit;

    #[test]
    fn a_longer_time_has_a_longer_bar_and_none_has_none() {
        let measured = |value| Cell::Measured { value, requests: None, samples: 1 };
        let cells = vec![
            ("omnifs".to_owned(), measured(0.2)),
            ("rclone".to_owned(), measured(75.0)),
            ("sshfs".to_owned(), Cell::NotRun("no".to_owned())),
        ];
        let svg = chart("a < b", &[&Row::new("find & walk", Unit::Seconds, cells)]);
        let widths: Vec<f64> = svg
            .split("width=\"")
            .skip(3)
            .filter_map(|rest| rest.split('"').next()?.parse().ok())
            .collect();
        assert!(matches!(widths[..], [ours, theirs] if 0.0 < ours && ours < theirs), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("find &amp; walk"));
    }
}
