//! What is promised of the embedded provider `dns`.

use super::Promise;

pub(super) const PROMISES: &[Promise] = &[
    Promise {
        text: "omnifs provider add dns --grant && omnifs start && ls ~/omnifs/dns works on a clean machine.",
        tests: &["omnifs::it dns::it_is_added_started_and_listed_without_any_configuration"],
    },
    Promise {
        text: "dns: /{domain}/{A,AAAA,CNAME,MX,NS,TXT,SOA,SRV,CAA,all,raw}, /reverse/{ip}, \
               /@{resolver}/{domain}/..., /resolvers, against real bind9 over HTTPS with its own zones; a walk \
               with find, grep -r and tar c is byte-checked and, repeated warm, costs 0 questions.",
        tests: &[
            "omnifs::it dns::a_walk_has_the_bytes_of_the_zones_and_costs_nothing_when_it_is_repeated",
            "omnifs::it dns::one_file_costs_one_question_besides_that_for_the_name",
            "omnifs::it dns::its_pipelines_do_what_they_say",
            "testkit::it bind::it_resolves_its_own_zones_and_tells_what_it_was_asked",
        ],
    },
    Promise {
        text: "dns: TTLs become freshness, the AD bit and the RCODE are text in raw, names are one whatever their \
               spelling, NXDOMAIN is ENOENT, SERVFAIL an error; _all and _raw resolve and are not listed.",
        tests: &[
            "omnifs::it dns::every_spelling_of_a_name_is_one_object",
            "omnifs::it dns::hostile::an_answer_is_fresh_for_as_long_as_its_records_live",
            "omnifs::it dns::raw_says_how_it_was_answered_and_nothing_of_it_reaches_a_terminal",
            "omnifs::it dns::what_there_is_not_is_absent_and_what_is_not_known_is_an_error",
        ],
    },
    Promise {
        text: "dns: what a resolver sends that is no answer to the question is an error; a resolver of one's own \
               is asked once it is granted, and the refusal names the line; the contract is kept.",
        tests: &[
            "omnifs::it dns::a_resolver_of_ones_own_is_asked_once_it_is_granted",
            "omnifs::it dns::hostile::what_is_no_answer_is_an_error_and_never_an_absence",
            "omnifs::it dns::it_keeps_the_contract",
            "step tests of the providers",
        ],
    },
];
