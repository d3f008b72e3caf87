//! What a resolver answered to a question, checked.

use std::fmt::Write as _;

use domain::base::iana::{Class, Opcode, OptRcode};
use domain::base::name::ToName as _;
use domain::base::opt::ExtendedError;
use domain::base::wire::ParseError;
use domain::base::{Message, Name, Rtype};

use crate::name::Domain;
use crate::present;
use crate::rows::Row;

/// How many aliases are followed: more than anybody has, and fewer than a circle.
const ALIASES: usize = 16;

/// An answer that is one to its question.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    name: Domain,
    rtype: Rtype,
    rcode: OptRcode,
    answer: Vec<Row>,
    authority: Vec<Row>,
    additional: Vec<Row>,
    /// The flags of the header, in lower case, as `qr rd ra ad`.
    flags: String,
    /// Lines about the header's extension (EDNS).
    extension: Vec<String>,
    /// Why the answer is as it is, in the resolver's words (RFC 8914).
    reasons: Vec<String>,
}

/// What an answer says of the name that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is such a name.
    Exists,
    /// There is none.
    Absent,
    /// The resolver does not know, and this is why.
    Failed(String),
}

impl Reply {
    /// Reads a message that came as an answer, `age` seconds after it was made.
    ///
    /// # Errors
    /// With what is wrong with it: it is no message, or no answer to this question.
    pub(crate) fn read(
        bytes: Vec<u8>,
        (name, rtype): (&Domain, Rtype),
        age: u32,
    ) -> Result<Self, String> {
        let short = |_| "it is too short for a message".to_string();
        let message = Message::from_octets(bytes).map_err(short)?;
        let header = message.header();
        let kind = (header.qr(), header.opcode(), header.id());
        if kind != (true, Opcode::QUERY, 0) {
            let (id, opcode) = (header.id(), header.opcode().to_int());
            return Err(format!("it answers no question of ours (id {id}, opcode {opcode})"));
        }
        let garbled = |error: ParseError| format!("the message is garbled: {error}");
        let question = message.sole_question().map_err(garbled)?;
        let asked: Name<Vec<u8>> = question.qname().to_name();
        if !name.is(&asked) || (question.qtype(), question.qclass()) != (rtype, Class::IN) {
            let (asked, qtype) = (present::name(&asked), question.qtype());
            return Err(format!("it answers another question: {asked} {qtype}"));
        }
        if header.tc() {
            return Err("it is cut short".to_string());
        }
        let sections = || {
            let (_, answer, authority, additional) = message.sections()?;
            let rows = |section| Row::of_section(section, age);
            Ok((rows(answer)?, rows(authority)?, rows(additional)?))
        };
        let (answer, authority, additional) = sections().map_err(garbled)?;
        let (extension, reasons) = extended(&message);
        let (name, rcode) = (name.clone(), message.opt_rcode());
        let flags = header.flags().to_string().to_lowercase();
        Ok(Self { name, rtype, rcode, answer, authority, additional, flags, extension, reasons })
    }

    /// Returns what it says of the name.
    pub(crate) fn standing(&self) -> Standing {
        let is_alias = |row: &Row| row.rtype == Rtype::CNAME && self.name.is(&row.owner);
        match self.rcode {
            OptRcode::NOERROR => Standing::Exists,
            // It is of the end of a way through aliases (RFC 6604, section 3).
            OptRcode::NXDOMAIN if self.answer.iter().any(is_alias) => Standing::Exists,
            OptRcode::NXDOMAIN => Standing::Absent,
            _ => Standing::Failed(self.failure()),
        }
    }

    /// Returns the records that were asked for, in an order that does not depend on the answer's,
    /// and for how long they are believed, in seconds. Of aliases on the way they are those of the
    /// name where it ends.
    pub(crate) fn records(&self) -> (Vec<&Row>, Option<u32>) {
        let mut at = self.name.wire();
        let mut ttl = None;
        for _ in 0..ALIASES {
            let of = |row: &&Row| row.owner == *at;
            let asked = |row: &&Row| row.rtype == self.rtype;
            let mut found: Vec<&Row> = self.answer.iter().filter(of).filter(asked).collect();
            if !found.is_empty() {
                found.sort_by(|a, b| a.order().cmp(&b.order()));
                let ttl = found.iter().map(|row| row.ttl).chain(ttl).min();
                return (found, ttl);
            }
            let alias = self.answer.iter().filter(of).find(|row| row.target.is_some());
            let Some((row, target)) = alias.and_then(|row| Some((row, row.target.as_ref()?)))
            else {
                break;
            };
            ttl = Some(ttl.map_or(row.ttl, |ttl: u32| ttl.min(row.ttl)));
            at = target;
        }
        let absence = self.authority.iter().find_map(|row| row.absence);
        (Vec::new(), absence.into_iter().chain(ttl).min())
    }

    /// Returns the records of the answer, aliases on the way among them.
    pub(crate) fn answer(&self) -> &[Row] {
        &self.answer
    }

    /// Returns the question, as errors name it.
    pub(crate) fn question(&self) -> String {
        format!("{} {}", self.name, self.rtype)
    }

    fn status(&self) -> String {
        let mnemonic = self.rcode.to_string();
        // It ends with the number: `NXDOMAIN(3)` or `RCODE4`.
        present::line(mnemonic.split('(').next().unwrap_or(&mnemonic).as_bytes())
    }

    /// Says what the resolver says instead of an answer.
    fn failure(&self) -> String {
        let mut text = format!("{}: {}", self.question(), self.status());
        for reason in &self.reasons {
            let _ = write!(text, ", {reason}");
        }
        text
    }

    /// Returns all of it, in the manner of dig(1).
    pub(crate) fn describe(&self, by: &str) -> String {
        let mut text = format!(
            ";; {} answered\n;; ->>HEADER<<- opcode: QUERY, status: {}, id: 0\n;; flags: {}; QUERY: \
             1, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}\n",
            present::line(by.as_bytes()),
            self.status(),
            self.flags.trim(),
            self.answer.len(),
            self.authority.len(),
            self.additional.len()
        );
        self.extension.iter().for_each(|line| text.extend(["; ", line, "\n"]));
        for reason in &self.reasons {
            text.extend(["; EDE: ", reason, "\n"]);
        }
        let _ = writeln!(text, ";; QUESTION SECTION:\n;{} IN {}", self.name.absolute(), self.rtype);
        let sections = [
            ("ANSWER", &self.answer),
            ("AUTHORITY", &self.authority),
            ("ADDITIONAL", &self.additional),
        ];
        for (title, rows) in sections.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            let _ = writeln!(text, "\n;; {title} SECTION:");
            rows.iter().for_each(|row| text.extend([row.to_string().as_str(), "\n"]));
        }
        text
    }
}

/// Returns what the header's extension says, and the errors in it.
fn extended(message: &Message<Vec<u8>>) -> (Vec<String>, Vec<String>) {
    let Some(opt) = message.opt() else { return (Vec::new(), Vec::new()) };
    let flags = if opt.dnssec_ok() { " do" } else { "" };
    let (version, size) = (opt.version(), opt.udp_payload_size());
    let extension = vec![format!("EDNS: version: {version}, flags:{flags}; udp: {size}")];
    let errors = opt.opt().iter::<ExtendedError<_>>().filter_map(Result::ok);
    let reasons = errors.map(|error| {
        let code = error.code().to_int();
        let name = error.code().to_mnemonic_str().map(|name| format!(" ({name})"));
        let text = error.text_slice().filter(|text| !text.is_empty());
        let text = text.map(|text| format!(": {}", present::line(text)));
        format!("{code}{}{}", name.unwrap_or_default(), text.unwrap_or_default())
    });
    (extension, reasons.collect())
}

#[cfg(test)]
mod tests;
