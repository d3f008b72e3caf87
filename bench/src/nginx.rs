//! The upstream: one nginx with a port for each contender and delay, whose requests are counted
//! apart.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Where Debian has the modules.
const MODULES: &str = "/usr/lib/nginx/modules";

/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the upstream waits before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delay {
    /// Not at all.
    None,
    /// 50 ms, as a service in another country does.
    Far,
    /// 100 ms.
    Farther,
}

impl Delay {
    /// All there are.
    const ALL: [Self; 3] = [Self::None, Self::Far, Self::Farther];

    /// Returns it in milliseconds.
    pub(crate) fn milliseconds(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Far => 50,
            Self::Farther => 100,
        }
    }
}

/// Who has ports of its own.
pub(crate) const OWNERS: [&str; 6] =
    ["omnifs", "bare", "rclone", "rclone-tuned", "s3fs", "httpdirfs"];

/// A port of the server.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    owner: &'static str,
    delay: Delay,
    /// The port on 127.0.0.1.
    pub(crate) port: u16,
    log: PathBuf,
    control: PathBuf,
}

impl Lane {
    /// Returns how many requests came through this port and were answered.
    pub(crate) fn requests(&self) -> Result<u64> {
        // Answered after all that the server had done before: it has one process and one loop.
        ask(&self.control)?;
        let log = fs::read(&self.log).with_context(|| self.log.display().to_string())?;
        Ok(u64::try_from(log.iter().filter(|byte| **byte == b'\n').count())?)
    }

    /// Returns the URL of what is served here.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: Child,
    lanes: Vec<Lane>,
}

impl Nginx {
    /// Starts it over the directory `tree`, with what it needs below `home`.
    pub(crate) fn start(home: &Path, tree: &Path) -> Result<Self> {
        fs::create_dir(home)?;
        let control = home.join("control.sock");
        let lane = |owner: &'static str, delay: Delay, port| {
            let log = home.join(format!("{owner}.{}.log", delay.milliseconds()));
            Lane { owner, delay, port, log, control: control.clone() }
        };
        let pairs = OWNERS.iter().flat_map(|owner| Delay::ALL.map(|delay| (*owner, delay)));
        let pairs: Vec<_> = pairs.collect();
        let ports = free_ports(pairs.len())?;
        let lanes: Vec<_> = pairs
            .into_iter()
            .zip(ports)
            .map(|((owner, delay), port)| lane(owner, delay, port))
            .collect();
        let file = home.join("nginx.conf");
        fs::write(&file, configuration(home, tree, &lanes)?)?;
        let mut nginx = Command::new("setpriv");
        nginx.args(["--pdeathsig", "KILL", "--", "nginx", "-e"]).arg(home.join("error.log"));
        nginx.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
        let process = nginx.spawn().context("cannot run setpriv")?;
        let mut server = Self { process, lanes };
        let begun = Instant::now();
        while let Err(error) = ask(&control) {
            if begun.elapsed() > PATIENCE || server.process.try_wait()?.is_some() {
                let said = fs::read_to_string(home.join("error.log")).unwrap_or_default();
                bail!("nginx does not start ({error}): {said}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Returns the port of a contender.
    pub(crate) fn lane(&self, owner: &str, delay: Delay) -> Result<&Lane> {
        let found = self.lanes.iter().find(|lane| lane.owner == owner && lane.delay == delay);
        found.with_context(|| format!("{owner} has no port"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns ports that nobody listens at now.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners = (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0)));
    let listeners = listeners.collect::<std::io::Result<Vec<_>>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// Asks what is answered at once and stands in no log.
fn ask(control: &Path) -> Result<()> {
    let mut stream = UnixStream::connect(control)?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn configuration(home: &Path, tree: &Path, lanes: &[Lane]) -> Result<String> {
    let (home, tree) = (home.display(), tree.display());
    let mut text = format!(
        "load_module {MODULES}/ndk_http_module.so;
load_module {MODULES}/ngx_http_lua_module.so;
daemon off;
master_process off;
pid {home}/pid;
error_log {home}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; uwsgi_temp_path {home}/uwsgi;
  fastcgi_temp_path {home}/fastcgi; scgi_temp_path {home}/scgi;
  log_format one '$status';
  sendfile on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  types {{ text/plain txt; }}
  default_type application/octet-stream;
  server {{
    listen unix:{home}/control.sock;
    access_log off;
    location / {{ return 200 ready; }}
  }}
"
    );
    for Lane { owner, delay, port, log, .. } in lanes {
        let wait = match delay.milliseconds() {
            0 => String::new(),
            wait => format!("access_by_lua_block {{ ngx.sleep({wait} / 1000) }}"),
        };
        let locations = match *owner {
            "s3fs" => BUCKET,
            _ => "autoindex on; autoindex_exact_size on;",
        };
        writeln!(
            text,
            "  server {{ listen 127.0.0.1:{port} backlog=4096; root {tree}; \
             access_log {} one; {wait} {locations} }}",
            log.display()
        )?;
    }
    text.push_str("}\n");
    Ok(text)
}

/// What s3fs asks an object store for: objects at `/BUCKET/KEY`, and listings of a prefix, which
/// lie in files that [`crate::bucket`] wrote. A directory is no object.
const BUCKET: &str = r#"
    location ~ ^/[a-z]+/?$ {
      default_type application/xml;
      content_by_lua_block {
        local prefix = ngx.req.get_uri_args().prefix
        if type(prefix) ~= "string" then prefix = "" end
        local bucket = ngx.var.uri:match("^/(%l+)")
        local place = ngx.var.document_root .. "/.bucket/" .. bucket .. "/" .. prefix
        local file = io.open(place .. (prefix:match("/$") and "" or prefix == "" and "" or "/") .. "list.xml")
        if not file then file = io.open(ngx.var.document_root .. "/.bucket/none.xml") end
        ngx.print(file:read("*a"))
        file:close()
      }
    }
    location / { try_files $uri =404; }
"#;
