//! Questions over HTTPS (RFC 8484).

use domain::base::{MessageBuilder, Rtype};
use domain::utils::base64;
use omnifs_provider::http::{self, RequestBuilder, Response};
use omnifs_provider::Error;

use crate::config::Resolver;
use crate::name::Domain;
use crate::reply::Reply;

/// The media type of a message.
const MESSAGE: &str = "application/dns-message";

/// The longest message there is, in bytes: over TCP its length has 16 bits (RFC 1035, 4.2.2).
const LONGEST: usize = 65_535;

/// How long answers over UDP may be that the resolver gets from others, in bytes: what fits into
/// packets everywhere.
const UDP_SIZE: u16 = 1_232;

/// Asks a resolver for the records of a name that have these types, all at once.
///
/// # Errors
/// When one of the requests has no answer, or one that is none to its question.
pub(crate) fn ask(
    resolver: &Resolver,
    name: &Domain,
    types: &[Rtype],
) -> Result<Vec<Reply>, Error> {
    let requests = types.iter().map(|rtype| request(resolver, name, *rtype));
    let answers = http::send_all(requests.collect::<Result<Vec<_>, _>>()?);
    types.iter().zip(answers).map(|(rtype, answer)| reply(answer?, (name, *rtype))).collect()
}

/// Asks for one type.
///
/// # Errors
/// As [`ask`].
pub(crate) fn ask_one(resolver: &Resolver, name: &Domain, rtype: Rtype) -> Result<Reply, Error> {
    reply(request(resolver, name, rtype)?.send()?, (name, rtype))
}

/// Returns a request whose URL depends on the question alone, so that it is cached as any other.
pub(crate) fn request(
    resolver: &Resolver,
    name: &Domain,
    rtype: Rtype,
) -> Result<RequestBuilder<'static>, Error> {
    let question = question(name, rtype).ok_or_else(|| {
        // No name is as long as that.
        Error::new(format!("{name} {rtype} is no question that fits into a message"))
    })?;
    let dns = base64::encode_string(&question);
    let dns = dns.trim_end_matches('=').replace('+', "-").replace('/', "_");
    Ok(http::get(&resolver.url).query(&[("dns", dns)]).header("accept", MESSAGE))
}

/// Returns the message that asks: its id is 0, since that of HTTPS answers tells nothing.
fn question(name: &Domain, rtype: Rtype) -> Option<Vec<u8>> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_rd(true);
    // Asks whether the answer was validated, without the signatures (RFC 6840, 5.7).
    message.header_mut().set_ad(true);
    let mut message = message.question();
    message.push((name.wire(), rtype)).ok()?;
    let mut message = message.additional();
    // Without it no resolver says why it failed.
    let extended = message.opt(|opt| {
        opt.set_udp_payload_size(UDP_SIZE);
        Ok(())
    });
    extended.ok()?;
    Some(message.finish())
}

fn reply(answer: Response, question: (&Domain, Rtype)) -> Result<Reply, Error> {
    let url = answer.url.clone();
    let refuse = |why: String| {
        let (name, rtype) = question;
        Error::unavailable(format!("{url} answered {name} {rtype} with what is no answer: {why}"))
    };
    let status = answer.status();
    // 404 and 410 say of the path that it is not there, and nothing of a name that was asked for.
    if status != 200 && matches!(status, ..400 | 404 | 410) {
        return Err(refuse(format!("the status is {status}")));
    }
    let answer = answer.error_for_status()?;
    let media = answer.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case(MESSAGE) {
        return Err(refuse(format!("it is {media:?} and not {MESSAGE}")));
    }
    if answer.bytes().len() > LONGEST {
        return Err(refuse(format!("it has {} bytes, over {LONGEST}", answer.bytes().len())));
    }
    // Its times to live are those of then (RFC 8484, 5.1).
    let age = answer.header("age").and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    Reply::read(answer.bytes().to_vec(), question, age).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_one_url() {
        let resolver = Resolver { name: "x".into(), url: "https://dns.example/dns-query".into() };
        let url = |name: &str| {
            let name: Domain = name.parse().unwrap();
            request(&resolver, &name, Rtype::A).unwrap().build().unwrap().url
        };
        // The example of RFC 8484, 4.1.1, with the flag AD and the extension.
        let asked = "AAABIAABAAAAAAABA3d3dwdleGFtcGxlA2NvbQAAAQABAAApBNAAAAAAAAA";
        assert_eq!(url("www.example.com"), format!("https://dns.example/dns-query?dns={asked}"));
        assert_eq!(url("WWW.example.com."), url("www.example.com"));
    }
}
