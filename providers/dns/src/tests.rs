//! The tree, and the contract, with answers of a resolver that were written down.

use domain::base::iana::Rcode;
use domain::base::{MessageBuilder, Rtype, Ttl};
use domain::rdata::{Cname, A};
use domain::utils::base64;
use omnifs_provider::serde_json::{json, Value};
use omnifs_provider::testing::{Exchanges, Provider};

use crate::ask::request;
use crate::config::Resolver;
use crate::name::Domain;
use crate::tree::app;
use crate::view::TYPES;

fn provider() -> Provider {
    Provider::new(app).config(r#"{ "domains": ["example.com", "www.example.com"] }"#)
}

#[test]
fn it_keeps_the_contract() {
    provider().contract();
}

#[test]
fn a_domain_has_the_types_of_which_there_are_records() {
    let provider = provider();
    let root = ["resolvers", "reverse", "README.md", "@cloudflare", "@google", "example.com"];
    assert_eq!(provider.list("/").unwrap()[..6], root);
    let files = ["A", "AAAA", "MX", "NS", "TXT", "SOA", "CAA", "all", "raw"];
    assert_eq!(provider.list("/example.com").unwrap(), files);
    assert_eq!(
        provider.text("/Example.COM./MX").unwrap(),
        "5 mail.example.com.\n20 mail2.example.com.\n"
    );
    assert_eq!(provider.text("/www.example.com/CNAME").unwrap(), "example.com.\n");
    let [all, old] = ["all", "_all"].map(|name| provider.text(&format!("/example.com/{name}")));
    assert_eq!(all.unwrap(), old.unwrap());
    assert!(provider.list("/example.com/SRV").is_err(), "there is none");
}

/// Returns the exchange in which a question is answered with a message.
fn exchange(name: &Domain, rtype: Rtype, message: &[u8]) -> Value {
    let url = "https://cloudflare-dns.com/dns-query".to_string();
    let resolver = Resolver { name: "cloudflare".into(), url };
    let url = request(&resolver, name, rtype).unwrap().build().unwrap().url;
    let headers = json!({ "content-type": "application/dns-message" });
    json!({
        "request": { "method": "GET", "url": url },
        "response": {
            "status": 200, "headers": headers, "body_base64": base64::encode_string(message),
        },
    })
}

/// Returns a provider to whom these answers are all there are.
fn answered(exchanges: &[Value]) -> Provider {
    let exchanges = json!({ "made": "by hand", "exchanges": exchanges }).to_string();
    Provider::new(app).exchanges(Exchanges::parse(&exchanges).unwrap())
}

/// Returns the exchange in which a name has one address, nothing else, and CAA is not known.
fn partly_known(name: &Domain, rtype: Rtype) -> Value {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_qr(true);
    if rtype == Rtype::CAA {
        message.header_mut().set_rcode(Rcode::SERVFAIL);
    }
    let mut message = message.question();
    message.push((name.wire(), rtype)).unwrap();
    let mut message = message.answer();
    if rtype == Rtype::A {
        message.push((name.wire(), Ttl::from_secs(5), A::from_octets(192, 0, 2, 1))).unwrap();
    }
    exchange(name, rtype, &message.finish())
}

/// Returns the exchange in which a name is an alias for so many seconds, whatever is asked for.
fn alias(name: &Domain, rtype: Rtype, seconds: u32) -> Value {
    let target: Domain = "example.com".parse().unwrap();
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_qr(true);
    let mut message = message.question();
    message.push((name.wire(), rtype)).unwrap();
    let mut message = message.answer();
    message.push((name.wire(), Ttl::from_secs(seconds), Cname::new(target.wire()))).unwrap();
    exchange(name, rtype, &message.finish())
}

#[test]
fn an_alias_that_answers_have_for_different_times_is_one_record() {
    let name = "www.example".parse().unwrap();
    let answers = TYPES.iter().zip(50..).map(|(rtype, seconds)| alias(&name, *rtype, seconds));
    let provider = answered(&answers.collect::<Vec<_>>());
    assert_eq!(
        provider.text("/www.example/all").unwrap(),
        "www.example. 50 IN CNAME example.com.\n"
    );
}

#[test]
fn a_type_that_is_not_known_is_listed_and_an_error_when_it_is_read() {
    let name = "part.example".parse().unwrap();
    let exchanges: Vec<Value> = TYPES.iter().map(|rtype| partly_known(&name, *rtype)).collect();
    let provider = answered(&exchanges);
    assert_eq!(provider.list("/part.example").unwrap(), ["A", "CAA", "all", "raw"]);
    assert_eq!(provider.text("/part.example/A").unwrap(), "192.0.2.1\n");
    for file in ["CAA", "all"] {
        let error = provider.text(&format!("/part.example/{file}")).unwrap_err().to_string();
        assert!(error.contains("part.example CAA: SERVFAIL"), "{file}: {error}");
    }
    let raw = provider.text("/part.example/raw").unwrap();
    assert_eq!(raw.matches("status: SERVFAIL").count(), 1, "{raw}");
}
