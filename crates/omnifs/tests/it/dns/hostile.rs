//! Resolvers that say little, or what nobody should believe.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use testkit::{Answer, Upstream};

use super::World;

/// A resolver that is none of [BIND's](super::NAMES), at an address of its own.
const NAME: &str = "dns.other.example";

const CONFIG: &str = "[provider.config]\nresolver = \"other\"\n\
                      resolvers = { other = \"https://dns.other.example/dns-query\" }\n";

/// Returns the labels of a name as messages have them.
fn labels(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    let mut bytes: Vec<u8> = name.split('.').flat_map(label).collect();
    bytes.push(0);
    bytes
}

/// Returns where a question for an address goes.
fn target(name: &str) -> String {
    let mut message = b"\0\0\x01\x20\0\x01\0\0\0\0\0\x01".to_vec();
    message.extend(labels(name));
    // A in the internet; then the extension, with which 1,232 bytes may be sent.
    message.extend(b"\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0");
    format!("/dns-query?dns={}", URL_SAFE_NO_PAD.encode(message))
}

/// Returns the message that a name has one address, for so many seconds.
fn message(name: &str, seconds: u32, address: [u8; 4]) -> Vec<u8> {
    let mut message = b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0".to_vec();
    message.extend(labels(name));
    message.extend(b"\0\x01\0\x01\xc0\x0c\0\x01\0\x01");
    message.extend(seconds.to_be_bytes());
    message.extend(b"\0\x04");
    message.extend(address);
    message
}

fn answer(body: Vec<u8>) -> Answer {
    Answer::new(200, body).header("Content-Type", "application/dns-message")
}

/// Serves as a resolver that knows one address, and never says how long its answers may be kept.
pub(super) fn upstream(world: &World, name: &str, domain: &str) -> Upstream {
    let upstream = Upstream::https(&world.network, name);
    upstream.answer(&target(domain), answer(message(domain, 3_600, [192, 0, 2, 99])));
    upstream
}

/// Returns a world in which another resolver answers, which may be asked.
fn other(more: &str) -> (World, Upstream) {
    let world = World::new();
    world.network.name(NAME, &["11.22.33.61"]);
    let upstream = upstream(&world, NAME, "good.example");
    let _added = world.add();
    let file = world.sandbox.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("\"dns.google\"", &format!("\"dns.google\", {NAME:?}"));
    std::fs::write(&file, format!("{text}{CONFIG}{more}")).unwrap();
    let _started = world.sandbox.omnifs(["start"]).expect_code(0);
    (world, upstream)
}

#[test]
fn an_answer_is_fresh_for_as_long_as_its_records_live() {
    let cache = "[provider.cache]\nttl = \"100ms\"\nstale_while_revalidate = 0\n";
    let (world, upstream) = other(cache);
    let brief = |last| answer(message("brief.example", 1, [192, 0, 2, last]));
    upstream.answer(&target("brief.example"), brief(1));
    let read = "cat good.example/A brief.example/A";
    assert_eq!(world.says(read), "192.0.2.99\n192.0.2.1\n");
    let asked = || {
        let requests = upstream.requests();
        let of = |name: &str| requests.iter().filter(|one| one.target == target(name)).count();
        (of("good.example"), of("brief.example"))
    };
    let before = asked();
    upstream.answer(&target("brief.example"), brief(2));
    // Longer than the host's own freshness and the shorter of the two lives.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(world.says(read), "192.0.2.99\n192.0.2.2\n");
    let after = asked();
    assert_eq!(after.0, before.0, "an hour is not over");
    assert!(after.1 > before.1, "{before:?} {after:?}");
}

#[test]
fn what_is_no_answer_is_an_error_and_never_an_absence() {
    let (world, upstream) = other("");
    let good = |name: &str| message(name, 60, [192, 0, 2, 1]);
    let changed = |name: &str, place: usize, byte: u8| {
        let mut bytes = good(name);
        bytes[place] = byte;
        bytes
    };
    let mut long = good("long.example");
    long.resize(70_000, 0);
    let (owner, length) = (12 + 14 + 4, good("cut.example").len());
    let plain = Answer::new(200, good("plain.example")).header("Content-Type", "text/html");
    let answers = [
        ("id.example", answer(changed("id.example", 1, 7)), "id 7"),
        ("name.example", answer(good("else.example")), "another question: else.example. A"),
        ("loop.example", answer(changed("loop.example", owner + 1, owner as u8)), "garbled"),
        ("cut.example", answer(good("cut.example")[..length - 1].to_vec()), "garbled"),
        ("tc.example", answer(changed("tc.example", 2, 0x83)), "cut short"),
        ("empty.example", answer(Vec::new()), "too short"),
        ("long.example", answer(long), "70000 bytes"),
        ("plain.example", plain, "\"text/html\""),
        ("none.example", Answer::new(204, ""), "status is 204"),
        ("path.example", Answer::new(404, ""), "status is 404"),
        ("down.example", Answer::new(503, "x"), "503"),
    ];
    for (name, answer, _) in &answers {
        upstream.answer(&target(name), answer.clone());
    }
    for (name, _, why) in &answers {
        let failed = world.shell(&format!("stat {name}")).expect_code(1);
        assert!(failed.stderr.contains("Input/output error"), "{name}: {}", failed.stderr);
        let errors = world.sandbox.omnifs(["errors"]).stdout;
        assert!(errors.contains(why), "{name}: {errors}");
    }
    assert_eq!(world.says("cat good.example/A"), "192.0.2.99\n", "it goes on");
}
