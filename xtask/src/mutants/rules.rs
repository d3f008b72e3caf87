//! Rules of the gate, the taint, the disk cache, the breaker and refreshing.

use super::{Mutant, Tests};

const GATE: &str = "crates/omnifs-runtime/src/http/gate.rs";
const RECORD: &str = "crates/omnifs-vfs/src/disk/record.rs";
const TAINT: &str = "crates/omnifs-runtime/src/capability/taint.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        rule: "a URL holds no blank or control character",
        file: GATE,
        from: ".find(|byte| *byte < 0x21 || *byte == 0x7f)",
        to: ".find(|_| false)",
        tests: Tests::Units("test(http::gate::)"),
    },
    Mutant {
        rule: "a URL holds no user and no password",
        file: GATE,
        from: "if !url.username().is_empty() || url.password().is_some() {",
        to: "if false {",
        tests: Tests::Units("test(http::gate::)"),
    },
    Mutant {
        rule: "an entry's methods count",
        file: GATE,
        from: "self.is_origin_of(entry) && self.method_is_in(entry) && self.path_is_in(entry)",
        to: "self.is_origin_of(entry) && self.path_is_in(entry)",
        tests: Tests::Units("test(http::gate::)"),
    },
    Mutant {
        rule: "an entry's paths count",
        file: GATE,
        from: "self.is_origin_of(entry) && self.method_is_in(entry) && self.path_is_in(entry)",
        to: "self.is_origin_of(entry) && self.method_is_in(entry)",
        tests: Tests::Units("test(http::gate::)"),
    },
    Mutant {
        rule: "what is allowed is needed and granted",
        file: GATE,
        from: "&& !needed.iter().any(|entry| asked.named_by(entry))",
        to: "&& needed.is_empty()",
        tests: Tests::Units("test(http::gate::)"),
    },
    Mutant {
        rule: "no redirect leads from https to http",
        file: GATE,
        from: "if from.scheme() == \"https\" && to.scheme() == \"http\" {",
        to: "if false {",
        tests: Tests::Units("test(http::gate::)"),
    },
    Mutant {
        rule: "an origin's port counts",
        file: "crates/omnifs-runtime/src/http/allow.rs",
        from: "self.scheme == asked.scheme && self.port == asked.port && self",
        to: "self.scheme == asked.scheme && self",
        tests: Tests::Units("test(http::gate::)"),
    },
    Mutant {
        rule: "an IPv4 address within a translator's network is what it is",
        file: "crates/omnifs-runtime/src/http/address.rs",
        from: "} else if inside(v6, NAT64) {",
        to: "} else if false {",
        tests: Tests::Units("test(http::address::)"),
    },
    Mutant {
        rule: "a provider does not set the host's headers",
        file: "crates/omnifs-runtime/src/http/request.rs",
        from: "if FORBIDDEN.contains(&text)\n",
        to: "if false\n",
        tests: Tests::Units("test(http::request::)"),
    },
    Mutant {
        rule: "nothing is the failure of the call",
        file: TAINT,
        from: "if empty => Spoiled::Failed(failure.clone()),",
        to: "if empty => Spoiled::Partial(failure.clone()),",
        tests: Tests::Units("test(capability::taint::)"),
    },
    Mutant {
        rule: "something beside a failure is partial",
        file: TAINT,
        from: "(ErrorRule::Strict, Some(failure)) => Spoiled::Partial(failure.clone()),",
        to: "(ErrorRule::Strict, Some(_)) => Spoiled::No,",
        tests: Tests::Units("test(capability::taint::)"),
    },
    Mutant {
        rule: "an upstream's own fault is a failure",
        file: "crates/omnifs-runtime/src/http/verdict.rs",
        from: "(status.is_client_error() || status.is_server_error()) && !absent",
        to: "status.is_client_error() && !absent",
        tests: Tests::Units("test(http::verdict::)"),
    },
    Mutant {
        rule: "the address that is dialled is public",
        file: "crates/omnifs-runtime/src/http/dial.rs",
        from: "Reach::Public => address::is_public(address),",
        to: "Reach::Public => true,",
        tests: Tests::Mounted("test(http::gate::a_name_is_only_as_good_as_its_addresses)"),
    },
    Mutant {
        rule: "credentials do not follow a redirect to another origin",
        file: "crates/omnifs-runtime/src/http.rs",
        from: "if to.url.origin() != hop.to.url.origin() {",
        to: "if false {",
        tests: Tests::Mounted("test(http::gate::redirects_pass_the_gate_hop_by_hop)"),
    },
    Mutant {
        rule: "a request that fails taints its call",
        file: "crates/omnifs-runtime/src/capability/http.rs",
        from: "self.taint().add(failure.to_vfs());",
        to: "let _ = failure.to_vfs();",
        tests: Tests::Mounted("test(http::failures::who_cannot_be_reached_is_told_apart)"),
    },
    Mutant {
        rule: "a record whose header is damaged, or another identity's, is none",
        file: RECORD,
        from: "if raw.magic.get() != MAGIC || raw.check != check(raw, identity) {",
        to: "if raw.magic.get() != MAGIC {",
        tests: Tests::Units("test(disk::)"),
    },
    Mutant {
        rule: "a record whose payload is damaged is none",
        file: RECORD,
        from: "&& Digest::of(&payload) == header.digest;",
        to: ";",
        tests: Tests::Units("test(disk::)"),
    },
    Mutant {
        rule: "who had a cache before gets nothing from it",
        file: "crates/omnifs-vfs/src/disk/store.rs",
        from: "if state.generation != generation || state.clearing > 0 {",
        to: "if generation > state.generation {",
        tests: Tests::Units("test(disk::)"),
    },
    Mutant {
        rule: "what was refreshed by hand is not believed from the disk",
        file: "crates/omnifs-vfs/src/tree/kept.rs",
        from: "if !disk.believes(sequence, way) {",
        to: "if !disk.believes(sequence, || way().into_iter().take(0).collect()) {",
        tests: Tests::Mounted("test(kept::what_is_refreshed)"),
    },
    Mutant {
        rule: "a component that traps again and again is not called",
        file: "crates/omnifs-runtime/src/provider.rs",
        from: "if let Some(trouble) = self.trouble() {",
        to: "if let Some(trouble) = self.trouble().filter(String::is_empty) {",
        tests: Tests::Mounted("test(breaker::)"),
    },
    Mutant {
        rule: "nobody who asks anew joins a call that was begun before",
        file: "crates/omnifs-vfs/src/tree.rs",
        from: "        (self.generation(), key)",
        to: "        (0, key)",
        tests: Tests::Units("test(tree::orders::what_is_asked_for_anew)"),
    },
];
