//! From the source of a secret to its value.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use omnifs_runtime::http::Secret;
use zeroize::Zeroizing;

use crate::config::{SecretGrant, SecretSource};
use crate::control::Trouble;
use crate::env;

/// The longest value, in bytes.
const LIMIT: u64 = 64 << 10;

/// How long a program may take to print a value.
const COMMAND: Duration = Duration::from_secs(15);

/// How long its output may stay open once it has ended.
const CLOSE: Duration = Duration::from_secs(1);

/// Reads the value of a secret; `variables` are those that hold secrets, which no program that
/// is run for one may see.
///
/// # Errors
/// Why there is no value, and what to do about it; the text never holds one.
pub(crate) fn read(grant: &SecretGrant, variables: &[String]) -> Result<Secret, Trouble> {
    let SecretGrant { name, source, hosts } = grant;
    let value = match source {
        SecretSource::Environment(variable) => of_variable(variable),
        SecretSource::File(path) => of_file(path),
        SecretSource::Command(words) => of_command(words, variables),
    };
    let trouble = |why: String, remedy: String| Trouble {
        reason: format!("the secret {name:?} cannot be read: {why}"),
        remedy,
    };
    let value = value.map_err(|(why, remedy)| trouble(why, remedy))?;
    Secret::new(name.clone(), &value, hosts.clone()).map_err(|error| {
        trouble(format!("{source}: {error}"), "put the value alone there, on one line".to_owned())
    })
}

type Value = Result<Zeroizing<Vec<u8>>, (String, String)>;

fn of_variable(variable: &str) -> Value {
    env::secret(variable).ok_or_else(|| {
        let why = format!("the variable {variable} is not set");
        (why, format!("set it where the daemon is started: {variable}=... omnifs restart"))
    })
}

fn of_file(path: &Path) -> Value {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        (format!("{shown}: {error}"), format!("put the value into {shown}, with mode 600"))
    };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err((format!("{shown} is not a file"), "name a file".to_owned()));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err((
            format!("{shown} can be read by others (mode {:o})", metadata.mode() & 0o777),
            format!("chmod 600 {shown}"),
        ));
    }
    let mut value = Zeroizing::new(Vec::new());
    file.by_ref().take(LIMIT + 1).read_to_end(&mut value).map_err(failed)?;
    bounded(value, &shown.to_string())
}

fn of_command(words: &[String], variables: &[String]) -> Value {
    let Some((program, arguments)) = words.split_first() else {
        return Err(("the command is empty".to_owned(), "name a program".to_owned()));
    };
    // Without its arguments, which are the user's own affair.
    let failed = |why: &str| {
        (format!("{program} {why}"), format!("run it by hand to see why: {program} ..."))
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for variable in variables {
        command.env_remove(variable);
    }
    let mut child =
        command.spawn().map_err(|error| failed(&format!("cannot be started: {error}")))?;
    let mut output = child.stdout.take();
    let (sender, printed) = mpsc::channel();
    std::thread::spawn(move || {
        let mut value = Zeroizing::new(Vec::new());
        let read = output.as_mut().map(|output| output.take(LIMIT + 1).read_to_end(&mut value));
        // Closed, so that a program that prints more ends.
        drop(output);
        // Nobody waits any more when the program took too long.
        let _unheard = sender.send(read.transpose().map(|_| value));
    });
    let begun = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < COMMAND => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(None) => {
                let _ended = child.kill();
                let _status = child.wait();
                return Err(failed(&format!("did not end within {} s", COMMAND.as_secs())));
            }
            Err(error) => return Err(failed(&format!("cannot be waited for: {error}"))),
        }
    };
    if !status.success() {
        return Err(failed(&format!("failed ({status})")));
    }
    match printed.recv_timeout(CLOSE) {
        Ok(Ok(value)) => bounded(value, program),
        Ok(Err(error)) => Err(failed(&format!("cannot be read: {error}"))),
        Err(_open) => Err(failed("left a program behind that keeps its output open")),
    }
}

fn bounded(value: Zeroizing<Vec<u8>>, source: &str) -> Value {
    if value.len() as u64 > LIMIT {
        let why = format!("{source} has more than {LIMIT} bytes");
        return Err((why, "put the value alone there".to_owned()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn grant(source: SecretSource) -> SecretGrant {
        SecretGrant { name: "K".to_owned(), source, hosts: Vec::new() }
    }

    fn command(words: &[&str]) -> Result<Secret, Trouble> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        read(&grant(SecretSource::Command(words)), &["PATH_OF_A_SECRET".to_owned()])
    }

    #[test]
    fn a_program_that_leaves_its_output_open_holds_nobody_up() {
        let trouble = command(&["sh", "-c", "sleep 3 & echo value"]).unwrap_err();
        assert!(trouble.reason.contains("left a program behind"), "{trouble:?}");
        assert!(command(&["sh", "-c", "sleep 3 >/dev/null & echo value"]).is_ok());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_helps() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, "value\n").unwrap();
        for (mode, fits) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            match read(&grant(SecretSource::File(file.clone())), &[]) {
                Ok(_) => assert!(fits, "{mode:o}"),
                Err(trouble) => {
                    assert!(!fits, "{mode:o}: {trouble:?}");
                    assert_eq!(trouble.remedy, format!("chmod 600 {}", file.display()));
                }
            }
        }
        let missing = read(&grant(SecretSource::File(directory.path().join("no"))), &[]);
        assert!(missing.unwrap_err().reason.contains("No such file"));
    }

    #[test]
    fn a_program_is_run_without_a_shell_and_its_failures_are_told() {
        assert!(command(&["printf", "%s\\n", "$HOME; value"]).is_ok());
        assert!(command(&["false"]).unwrap_err().reason.contains("false failed"));
        assert!(command(&["/no/such/program"]).unwrap_err().reason.contains("cannot be started"));
        assert!(command(&["printf", ""]).unwrap_err().reason.contains("it is empty"));
        let endless = command(&["yes", "secret-value"]).unwrap_err();
        assert!(!format!("{endless:?}").contains("secret-value"), "{endless:?}");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let source = SecretSource::Environment("OMNIFS_TEST_NOT_SET".to_owned());
        let trouble = read(&grant(source), &[]).unwrap_err();
        assert!(trouble.reason.contains("OMNIFS_TEST_NOT_SET is not set"), "{trouble:?}");
        assert!(trouble.remedy.contains("omnifs restart"), "{trouble:?}");
    }
}
