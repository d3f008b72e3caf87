//! The Domain Name System as files: `example.com/MX`, `reverse/192.0.2.1`.
//!
//! Questions go to a resolver over HTTPS in the wire format of DNS (RFC 8484), each as a request
//! that can be cached. [`tree`] has the paths, [`ask`] the requests, and [`reply`] what is believed
//! of an answer: whatever a resolver sends is checked before anything is shown of it.

mod ask;
mod config;
mod name;
mod present;
mod reply;
mod rows;
mod tree;
mod view;

// Those of `config::BUILT_IN`; the user may have others.
omnifs_provider::needs! {
    http: ["cloudflare-dns.com", "dns.google"],
    more_http: true,
    secrets: [],
}
omnifs_provider::serve!(tree::app);

#[cfg(test)]
mod tests;
