//! The tree: which paths there are, and what is in them.

use std::net::IpAddr;

use domain::base::Rtype;
use omnifs_provider::projection::Freshness;
use omnifs_provider::router::{Entry, Listing, Router};
use omnifs_provider::Error;

use crate::ask::{ask, ask_one};
use crate::config::{Config, Resolver};
use crate::name::Domain;
use crate::reply::{Reply, Standing};
use crate::rows::Row;
use crate::view::{View, TYPES};

const ABOUT: &str = "\
The Domain Name System, asked for over HTTPS.

Every domain is a directory, whether it is listed here or not: `example.com/MX`. Its files are the \
types of record that it has, `all` of them as a master file, and `raw`, what was answered. What there \
is not is absent; what could not be found out is an error.";

/// Returns the routes.
pub(crate) fn app() -> Router {
    Router::new()
        .about(ABOUT)
        .dir("/", root)
        .file("/resolvers", resolvers)
        .find("/reverse/{ip}", |ip: IpAddr| found_pointer(&chosen()?, ip))
        .file("/reverse/{ip}", |ip: IpAddr| read_pointer(&chosen()?, ip))
        .find("/{domain}", found_at_root)
        .dir("/{domain}", |domain: Domain| files(&chosen()?, &domain))
        .find("/{domain}/{file}", |domain: Domain, file: String| {
            file_of(&chosen()?, &domain, &file)
        })
        .file("/{domain}/{file}", |domain: Domain, file: String| read(&chosen()?, &domain, &file))
        .find("/@{resolver}/reverse/{ip}", |by: Resolver, ip: IpAddr| found_pointer(&by, ip))
        .file("/@{resolver}/reverse/{ip}", |by: Resolver, ip: IpAddr| read_pointer(&by, ip))
        .find("/@{resolver}/{domain}", |by: Resolver, domain: Domain| found(&by, &domain))
        .dir("/@{resolver}/{domain}", |by: Resolver, domain: Domain| files(&by, &domain))
        .find("/@{resolver}/{domain}/{file}", |by: Resolver, domain: Domain, file: String| {
            file_of(&by, &domain, &file)
        })
        .file("/@{resolver}/{domain}/{file}", |by: Resolver, domain: Domain, file: String| {
            read(&by, &domain, &file)
        })
}

fn chosen() -> Result<Resolver, Error> {
    Ok(Config::read()?.chosen)
}

/// Lists what is configured: nobody can list the names that there are.
fn root() -> Result<Listing, Error> {
    let Config { resolvers, domains, .. } = Config::read()?;
    let resolvers = resolvers.iter().map(|resolver| Entry::dir(format!("@{}", resolver.name)));
    let domains = domains.iter().map(|(name, domain)| Entry::dir(name).key(domain));
    Ok(resolvers.chain(domains).collect::<Listing>().partial())
}

/// Returns a line for each resolver: its name, its URL, and whether it answers where none is named.
fn resolvers() -> Result<String, Error> {
    let Config { resolvers, chosen, .. } = Config::read()?;
    let line = |one: &Resolver| match *one == chosen {
        true => format!("{one}\tdefault\n"),
        false => format!("{one}\n"),
    };
    Ok(resolvers.iter().map(line).collect())
}

/// Finds a domain of those that are configured without asking, as the root lists it.
fn found_at_root(domain: Domain) -> Result<Option<Entry>, Error> {
    let Config { chosen, domains, .. } = Config::read()?;
    match domains.iter().any(|(_, listed)| *listed == domain) {
        true => Ok(Some(Entry::dir("").key(domain))),
        false => found(&chosen, &domain),
    }
}

/// Finds out whether there is such a domain.
fn found(resolver: &Resolver, domain: &Domain) -> Result<Option<Entry>, Error> {
    // An absent name is absent for every type (RFC 8020), and addresses are asked for most.
    let reply = ask_one(resolver, domain, Rtype::A)?;
    match reply.standing() {
        Standing::Exists => {
            let (_, ttl) = reply.records();
            Ok(Some(Entry::dir("").key(domain).fresh(freshness(ttl))))
        }
        Standing::Absent => Ok(None),
        Standing::Failed(why) => Err(Error::unavailable(why)),
    }
}

/// Lists the files of a domain, with what is in them.
fn files(resolver: &Resolver, domain: &Domain) -> Result<Listing, Error> {
    let replies = all(resolver, domain)?;
    let mut entries = Vec::new();
    for (rtype, reply) in TYPES.into_iter().zip(&replies) {
        match records(reply) {
            Ok(Some((text, ttl))) => {
                entries.push(Entry::text(rtype.to_string(), text).fresh(freshness(ttl)));
            }
            Ok(None) => {}
            // Whether there are any is not known: who reads it gets the error.
            Err(_) => entries.push(Entry::file(rtype.to_string())),
        }
    }
    for view in [View::All, View::Raw] {
        entries.push(match text_of_all(resolver, &replies, view) {
            Ok((text, ttl)) => Entry::text(view.to_string(), text).fresh(freshness(ttl)),
            Err(_) => Entry::file(view.to_string()),
        });
    }
    // There are other types, which are asked for by name.
    Ok(Listing::from(entries).partial())
}

/// Finds a file of a domain, with what is in it. Of another name nobody is asked.
fn file_of(resolver: &Resolver, domain: &Domain, file: &str) -> Result<Option<Entry>, Error> {
    let Ok(view) = file.parse::<View>() else { return Ok(None) };
    let Some((text, ttl)) = content(resolver, domain, view)? else { return Ok(None) };
    Ok(Some(Entry::text("", text).key(view).fresh(freshness(ttl))))
}

/// Reads a file of a domain.
fn read(resolver: &Resolver, domain: &Domain, file: &str) -> Result<String, Error> {
    let absent = || Error::not_found(format!("{domain} has no {file}"));
    let view = file.parse().map_err(|_| absent())?;
    let (text, _) = content(resolver, domain, view)?.ok_or_else(absent)?;
    Ok(text)
}

/// Finds the names of an address.
fn found_pointer(resolver: &Resolver, address: IpAddr) -> Result<Option<Entry>, Error> {
    let Some((text, ttl)) = pointer(resolver, address)? else { return Ok(None) };
    Ok(Some(Entry::text("", text).key(address).fresh(freshness(ttl))))
}

fn read_pointer(resolver: &Resolver, address: IpAddr) -> Result<String, Error> {
    let names = pointer(resolver, address)?;
    let (text, _) = names.ok_or_else(|| Error::not_found(format!("{address} has no name")))?;
    Ok(text)
}

/// A text, and for how many seconds it is believed, if that is said.
type Text = (String, Option<u32>);

fn pointer(resolver: &Resolver, address: IpAddr) -> Result<Option<Text>, Error> {
    let name = Domain::of_address(address)
        .map_err(|_| Error::new(format!("{address} cannot be looked up backwards")))?;
    content(resolver, &name, View::Type(Rtype::PTR))
}

/// Returns what is in a file of a domain; nothing when there is no such file.
fn content(resolver: &Resolver, domain: &Domain, view: View) -> Result<Option<Text>, Error> {
    match view {
        View::Type(rtype) => records(&ask_one(resolver, domain, rtype)?),
        View::All | View::Raw => match all(resolver, domain) {
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
            Ok(replies) => text_of_all(resolver, &replies, view).map(Some),
        },
    }
}

/// Asks for all of [`TYPES`].
///
/// # Errors
/// Also when no answer says that there is such a name.
fn all(resolver: &Resolver, domain: &Domain) -> Result<Vec<Reply>, Error> {
    let replies = ask(resolver, domain, &TYPES)?;
    let standings: Vec<Standing> = replies.iter().map(Reply::standing).collect();
    if standings.contains(&Standing::Exists) {
        return Ok(replies);
    }
    let failed = standings.into_iter().find_map(|standing| match standing {
        Standing::Failed(why) => Some(Error::unavailable(why)),
        Standing::Exists | Standing::Absent => None,
    });
    Err(failed.unwrap_or_else(|| Error::not_found(format!("{domain}: NXDOMAIN"))))
}

/// Returns the data of the records that a reply has, a line each; nothing when it has none.
fn records(reply: &Reply) -> Result<Option<Text>, Error> {
    if let Standing::Failed(why) = reply.standing() {
        return Err(Error::unavailable(why));
    }
    let (rows, ttl) = reply.records();
    let text: String = rows.iter().map(|row| format!("{}\n", row.data)).collect();
    Ok((!text.is_empty()).then_some((text, ttl)))
}

/// Returns what replies say together, and for how long that is believed.
fn text_of_all(resolver: &Resolver, replies: &[Reply], view: View) -> Result<Text, Error> {
    let ttl = replies.iter().filter_map(|reply| reply.records().1).min();
    if view == View::Raw {
        let texts: Vec<String> = replies.iter().map(|one| one.describe(&resolver.url)).collect();
        return Ok((texts.join("\n"), ttl));
    }
    let mut together: Vec<Row> = Vec::new();
    for reply in replies {
        if let Standing::Failed(why) = reply.standing() {
            return Err(Error::unavailable(why));
        }
        let mut rows: Vec<&Row> = reply.answer().iter().collect();
        rows.sort_by(|a, b| a.order().cmp(&b.order()));
        for row in rows {
            // Each answer has the aliases that lead to it, and may have come at another time.
            match together.iter_mut().find(|known| known.is_same(row)) {
                Some(known) => known.ttl = known.ttl.min(row.ttl),
                None => together.push(row.clone()),
            }
        }
    }
    Ok((together.iter().map(|row| format!("{row}\n")).collect(), ttl))
}

fn freshness(ttl: Option<u32>) -> Freshness {
    ttl.map_or(Freshness::Inherit, Freshness::Seconds)
}
