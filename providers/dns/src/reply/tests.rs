//! Answers are hostile: whatever the bytes are, they are an answer to the question, or refused.

use std::str::FromStr as _;

use domain::base::iana::{ExtendedErrorCode, Rcode};
use domain::base::rdata::UnknownRecordData;
use domain::base::{MessageBuilder, StaticCompressor, Ttl};
use domain::rdata::{Cname, Mx, Ns, Txt, A};

use super::*;

type Wire = Name<Vec<u8>>;

fn name(text: &str) -> Domain {
    text.parse().unwrap()
}

fn wire(text: &str) -> Wire {
    name(text).wire().clone()
}

fn ttl(seconds: u32) -> Ttl {
    Ttl::from_secs(seconds)
}

/// Returns an answer to the question for `www.example.com MX`: by an alias, and with more records
/// than were asked for.
fn message(rcode: Rcode) -> Vec<u8> {
    let target = StaticCompressor::new(Vec::new());
    let mut message = MessageBuilder::from_target(target).unwrap();
    message.header_mut().set_qr(true);
    message.header_mut().set_ra(true);
    message.header_mut().set_ad(true);
    message.header_mut().set_rcode(rcode);
    let mut message = message.question();
    // In capitals, which a resolver may send back.
    message.push((Wire::from_str("WWW.example.com").unwrap(), Rtype::MX)).unwrap();
    let mut message = message.answer();
    let (www, host) = (wire("www.example.com"), wire("host.example.com"));
    message.push((&www, ttl(500), Cname::new(host.clone()))).unwrap();
    message.push((&host, ttl(400), Mx::new(20, wire("b.example.com")))).unwrap();
    message.push((&host, ttl(300), Mx::new(5, wire("c.example.com")))).unwrap();
    message.push((&wire("bank.example"), ttl(9), Mx::new(1, wire("evil.example")))).unwrap();
    message.push((&host, ttl(8), A::from_octets(192, 0, 2, 1))).unwrap();
    let mut message = message.authority();
    message.push((wire("example.com"), ttl(7), Ns::new(wire("ns.example.com")))).unwrap();
    let mut message = message.additional();
    message
        .opt(|opt| {
            opt.set_udp_payload_size(1232);
            let code = ExtendedErrorCode::NO_REACHABLE_AUTHORITY;
            let error = ExtendedError::<Vec<u8>>::new_with_str(code, "gone\n\x1b[2J").unwrap();
            opt.push(&error)
        })
        .unwrap();
    message.finish().into_target()
}

fn read(bytes: Vec<u8>) -> Result<Reply, String> {
    Reply::read(bytes, (&name("www.example.com"), Rtype::MX), 0)
}

fn data<'a>(rows: &[&'a Row]) -> Vec<&'a str> {
    rows.iter().map(|row| row.data.as_str()).collect()
}

#[test]
fn records_are_those_of_the_name_at_the_end_of_its_aliases() {
    let reply = read(message(Rcode::NOERROR)).unwrap();
    assert_eq!(reply.standing(), Standing::Exists);
    let (rows, ttl) = reply.records();
    assert_eq!(data(&rows), ["5 c.example.com.", "20 b.example.com."], "and nobody else's");
    assert_eq!(ttl, Some(300));
    let older = Reply::read(message(Rcode::NOERROR), (&name("www.example.com"), Rtype::MX), 250);
    assert_eq!(older.unwrap().records().1, Some(50));
}

#[test]
fn all_of_an_answer_is_shown_and_nothing_in_it_reaches_a_terminal() {
    let text = read(message(Rcode::SERVFAIL)).unwrap().describe("https://dns.example/\u{9b}");
    let expected = "\
;; https://dns.example/\\194\\155 answered
;; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 0
;; flags: qr ra ad; QUERY: 1, ANSWER: 5, AUTHORITY: 1, ADDITIONAL: 0
; EDNS: version: 0, flags:; udp: 1232
; EDE: 22 (No Reachable Authority): gone\\010\\027[2J
;; QUESTION SECTION:
;www.example.com. IN MX

;; ANSWER SECTION:
WWW.example.com. 500 IN CNAME host.example.com.
host.example.com. 400 IN MX 20 b.example.com.
host.example.com. 300 IN MX 5 c.example.com.
bank.example. 9 IN MX 1 evil.example.
host.example.com. 8 IN A 192.0.2.1

;; AUTHORITY SECTION:
example.com. 7 IN NS ns.example.com.
";
    assert_eq!(text, expected);
}

#[test]
fn what_a_resolver_does_not_know_is_a_failure_and_only_nxdomain_an_absence() {
    let standing = |rcode| {
        let mut bytes = message(rcode);
        // Without the answers, whose bytes are left as those of the authority.
        bytes[7] = 0;
        bytes[9] = 0;
        bytes[11] = 0;
        read(bytes).unwrap().standing()
    };
    assert_eq!(standing(Rcode::NOERROR), Standing::Exists);
    assert_eq!(standing(Rcode::NXDOMAIN), Standing::Absent);
    for rcode in [Rcode::SERVFAIL, Rcode::REFUSED, Rcode::FORMERR, Rcode::NOTIMP, Rcode::YXDOMAIN] {
        let Standing::Failed(why) = standing(rcode) else { panic!("{rcode}") };
        assert!(why.starts_with("www.example.com MX: "), "{why}");
    }
    let why = read(message(Rcode::SERVFAIL)).unwrap().standing();
    let said = "www.example.com MX: SERVFAIL, 22 (No Reachable Authority): gone\\010\\027[2J";
    assert_eq!(why, Standing::Failed(said.to_string()));
    // The end of the way is absent, and the name itself an alias.
    assert_eq!(read(message(Rcode::NXDOMAIN)).unwrap().standing(), Standing::Exists);
}

#[test]
fn an_answer_to_another_question_is_none() {
    let refused = |change: fn(&mut Vec<u8>)| {
        let mut bytes = message(Rcode::NOERROR);
        change(&mut bytes);
        read(bytes).unwrap_err()
    };
    assert!(refused(|bytes| bytes[1] = 7).contains("no question of ours (id 7"));
    assert!(refused(|bytes| bytes[2] &= 0x7f).contains("no question of ours"), "a question");
    assert!(refused(|bytes| bytes[2] |= 0x28).contains("opcode 5"), "an update");
    assert!(refused(|bytes| bytes[2] |= 2).contains("cut short"));
    assert!(refused(|bytes| bytes[13] = b'v').contains("another question: vWW.example.com. MX"));
    assert!(refused(|bytes| bytes[30] = 16).contains("another question"), "another type");
    assert!(refused(|bytes| bytes[32] = 3).contains("another question"), "another class");
    assert!(refused(|bytes| bytes[5] = 0).contains("garbled"), "none");
    assert!(refused(|bytes| bytes[5] = 2).contains("garbled"), "two");
    assert!(refused(Vec::clear).contains("too short"));
}

#[test]
fn whatever_is_cut_off_or_changed_ends_and_is_refused_or_shown_in_ascii() {
    let whole = message(Rcode::NOERROR);
    for end in 0..whole.len() {
        assert!(read(whole[..end].to_vec()).is_err(), "{end}");
    }
    let mut shown = 0;
    for place in 0..whole.len() {
        for value in [0, 1, 0x0c, 0x3f, 0x40, 0x80, 0xbf, 0xc0, 0xc1, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            let Ok(reply) = read(bytes) else { continue };
            let text =
                reply.describe("x") + &format!("{:?}{:?}", reply.standing(), reply.records());
            assert!(
                text.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)),
                "{text}"
            );
            shown += 1;
        }
    }
    assert!(shown > 500, "{shown}: most bytes are those of data");
}

#[test]
fn a_name_that_points_to_itself_is_refused() {
    let mut bytes = message(Rcode::NOERROR);
    // The first answer's owner comes after the question: a pointer to where it stands.
    let owner = 12 + 17 + 4;
    assert_eq!(bytes[owner], 0xc0, "a pointer");
    for (high, low) in [(0xc0, u8::try_from(owner).unwrap()), (0xff, 0xff), (0xc0, 200)] {
        (bytes[owner], bytes[owner + 1]) = (high, low);
        let error = read(bytes.clone()).unwrap_err();
        assert!(error.contains("garbled"), "{error}");
    }
}

#[test]
fn aliases_in_a_circle_have_no_records() {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_qr(true);
    let mut message = message.question();
    let (www, other) = (wire("www.example.com"), wire("other.example.com"));
    message.push((&www, Rtype::MX)).unwrap();
    let mut message = message.answer();
    message.push((&www, ttl(5), Cname::new(other.clone()))).unwrap();
    message.push((&other, ttl(4), Cname::new(www))).unwrap();
    let reply = read(message.finish()).unwrap();
    let (rows, ttl) = reply.records();
    assert_eq!((rows.len(), ttl), (0, Some(4)));
}

/// Returns the data of one record of this type that a resolver sends.
fn shown(rtype: Rtype, bytes: &[u8]) -> Result<String, String> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_qr(true);
    let mut message = message.question();
    let owner = name("x.example");
    message.push((owner.wire(), rtype)).unwrap();
    let mut message = message.answer();
    let record = UnknownRecordData::from_octets(rtype, bytes).unwrap();
    message.push((owner.wire(), ttl(5), record)).unwrap();
    let reply = Reply::read(message.finish(), (&owner, rtype), 0)?;
    let (rows, _) = reply.records();
    Ok(data(&rows).join("|"))
}

#[test]
fn data_is_written_as_in_a_master_file() {
    assert_eq!(shown(Rtype::TXT, b"\x06a\"b\\;\n\x02\xff ").unwrap(), r#""a\"b\\;\010" "\255 ""#);
    assert_eq!(
        shown(Rtype::CAA, b"\x80\x05issueca.example; a=\x1b").unwrap(),
        r#"128 issue "ca.example; a=\027""#
    );
    assert_eq!(shown(Rtype::NS, b"\x04a.b;\0").unwrap(), r"a\.b\;.");
    assert_eq!(shown(Rtype::SRV, b"\0\x01\0\x02\x1f\x90\x01a\0").unwrap(), "1 2 8080 a.");
    assert_eq!(
        shown(Rtype::AAAA, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap(),
        "2001:db8::1"
    );
    assert_eq!(shown(Rtype::from_int(65_280), b"\x1b\n").unwrap(), r"\# 2 1b 0a");
    assert!(shown(Rtype::A, &[1, 2, 3]).unwrap_err().contains("garbled"), "an address of 3 bytes");
    assert!(shown(Rtype::TXT, b"\x05ab").unwrap_err().contains("garbled"));
}

#[test]
fn a_message_as_long_as_there_can_be_one_is_read() {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_qr(true);
    let mut message = message.question();
    let owner = name("www.example.com");
    message.push((owner.wire(), Rtype::MX)).unwrap();
    let mut message = message.answer();
    let text = Txt::<Vec<u8>>::build_from_slice(&[0; 60_000]).unwrap();
    message.push((owner.wire(), ttl(5), text)).unwrap();
    for number in 0..200 {
        message.push((owner.wire(), ttl(5), Mx::new(number, wire("m.example")))).unwrap();
    }
    let reply = read(message.finish()).unwrap();
    assert_eq!(reply.records().0.len(), 200);
    assert!(reply.describe("x").len() > 4 * 60_000);
}
