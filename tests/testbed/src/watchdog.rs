//! Ends all child processes when the test process ends, however it ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// Reads process ids from a pipe whose other end only the test process holds. When the pipe closes, because the test
/// process dropped it, panicked or was killed, it kills them all at once (an API server that loses its etcd first
/// hangs in its shutdown), waits until they are gone and removes the data folder. A line cut off by the end is no order:
/// `read` fails on it.
const SCRIPT: &str = r#"
pids=
while read -r order pid; do
  case $order in
    watch) pids="$pid $pids" ;;
    forget)
      kept=
      for other in $pids; do [ "$other" = "$pid" ] || kept="$kept $other"; done
      pids=$kept ;;
  esac
done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
tries=0
for pid in $pids; do
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
done
rm -rf -- "$1"
"#;

/// The shell that outlives the test process by a moment. Dropping it makes it clean up, and waits until it has.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
    orders: Mutex<Option<ChildStdin>>,
}

impl Watchdog {
    /// Starts it; `dir` is removed at the end.
    pub(crate) fn start(dir: &PathBuf) -> Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "warden-testbed-watchdog"])
            .arg(dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C in the terminal must reach us, not the one that cleans up after us.
            .process_group(0)
            .spawn()
            .context("cannot start /bin/sh")?;
        let orders = Mutex::new(shell.stdin.take());
        Ok(Self { shell, orders })
    }

    /// From now on the watchdog kills this process when the test process ends.
    pub(crate) fn watch(&self, pid: u32) -> Result<()> {
        self.order("watch", pid)
    }

    /// This process has ended, and its id may belong to another process by now.
    pub(crate) fn forget(&self, pid: u32) -> Result<()> {
        self.order("forget", pid)
    }

    fn order(&self, order: &str, pid: u32) -> Result<()> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = orders.as_mut().context("the watchdog has been dismissed")?;
        // One write: shorter than PIPE_BUF, so never torn.
        pipe.write_all(format!("{order} {pid}\n").as_bytes()).context("the watchdog is gone")
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A destructor cannot return the error, and there is nothing left to do.
        let _ = self.shell.wait();
    }
}
