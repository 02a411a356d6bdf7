//! What `check` finds around the exporter: its text file, the node_exporter and the Prometheus that run here, jobs of cron.
//!
//! Shells under other names stand in for these programs. Where the system allows it, each test has its own processes and mounts.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use support::{Exporter, Reply, Server, finish};

/// If tests share processes, each sees those of the others.
static ALONE: Mutex<()> = Mutex::new(());

/// A folder with a text file of the demo.
struct Around {
    folder: tempfile::TempDir,
    /// The name and the arguments of each program beside it, and the user that it runs as, if a different one.
    programs: Vec<(&'static str, Vec<String>, Option<u32>)>,
    /// What cron runs, where the test can set it.
    crontab: Option<String>,
}

impl Around {
    fn new() -> Around {
        let around = Around { folder: tempfile::tempdir().unwrap(), programs: Vec::new(), crontab: None };
        around.mode(around.folder.path(), 0o755);
        fs::create_dir(around.text_folder()).unwrap();
        around.mode(&around.text_folder(), 0o755);
        around
    }

    fn text_folder(&self) -> PathBuf {
        self.folder.path().join("text")
    }

    fn path(&self) -> PathBuf {
        self.text_folder().join("farcaster.prom")
    }

    fn mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Has the exporter write the file.
    fn written(self) -> Around {
        let run = Exporter::new().args(&["--demo=200", "--textfile"]).arg(self.path()).run();
        assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
        self
    }

    fn beside(mut self, name: &'static str, args: &[String]) -> Around {
        self.programs.push((name, args.to_vec(), None));
        self
    }

    /// A node_exporter that reads the folder and shows this page.
    fn node_exporter(self, page: impl Into<String>) -> (Around, u16) {
        let port = serve(page.into());
        let folder = format!("--collector.textfile.directory={}", self.text_folder().display());
        (self.beside("node_exporter", &[folder, format!("--web.listen-address=127.0.0.1:{port}")]), port)
    }

    /// The page of one that has read the file.
    fn page(&self, error: u8) -> String {
        format!(
            "node_textfile_mtime_seconds{{file=\"{}\"}} 1.7e+09\nnode_textfile_scrape_error {error}\n",
            self.path().display()
        )
    }

    /// What `check` finds there.
    fn check(&self) -> Found {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let exporter = Exporter::new().args(&["check", "--json", "--demo=200", "--textfile"]).arg(self.path());
        let mut script = String::from("pids=\n");
        if let Some(crontab) = &self.crontab {
            let folder = self.folder.path().join("cron.d");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("jobs"), crontab).unwrap();
            script += &format!("mount --bind '{}' /etc/cron.d\n", folder.display());
        }
        for (name, args, user) in &self.programs {
            let program = self.folder.path().join(name);
            fs::copy("/bin/sh", &program).unwrap();
            let user =
                user.map(|user| format!("setpriv --reuid={user} --regid={user} --clear-groups ")).unwrap_or_default();
            let args: Vec<String> = args.iter().map(|arg| format!("'{arg}'")).collect();
            script += &format!(
                "{user}'{}' -c 'sleep 60; :' {} > /dev/null 2>&1 &\npids=\"$pids $!\"\n",
                program.display(),
                args.join(" ")
            );
            // It is running once its command line shows it.
            script += &format!(
                "until tr '\\0' '\\n' < /proc/$!/cmdline | head -n 1 | grep -q '/{name}$'; do sleep 0.02; done\n"
            );
        }
        script += "\"$@\"\nstatus=$?\n[ -z \"$pids\" ] || kill $pids\nexit $status\n";
        let built = exporter.command();
        let mut command = match isolation() {
            Some(options) => {
                let mut command = Command::new("unshare");
                command.args(options).args(["sh", "-c"]);
                command
            }
            None => {
                let mut command = Command::new("sh");
                command.arg("-c");
                command
            }
        };
        command.arg(script).arg("sh").arg(built.get_program()).args(built.get_args());
        command.env_clear().env("HOME", exporter.home()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = finish(&mut command.spawn().unwrap());
        let found: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        assert_eq!(run.status.code(), Some(i32::from(found["is_anything_wrong"].as_bool().unwrap())), "{run:?}");
        Found(found)
    }
}

/// How to get own processes and mounts, where the system allows it.
fn isolation() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["-pfm", "--mount-proc"], &["-rpfm", "--mount-proc"]];
    let works = |options: &&&[&str]| {
        let tried = Command::new("unshare").args(**options).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    WAYS.iter().find(works).copied()
}

struct Found(Value);

impl Found {
    fn all(&self, mark: &str, words: &[&str]) -> Vec<&Value> {
        let findings = self.0["findings"].as_array().unwrap().iter();
        let has = |finding: &&Value| words.iter().all(|word| finding["what"].as_str().unwrap().contains(word));
        findings.filter(|finding| finding["mark"] == mark).filter(has).collect()
    }

    fn one(&self, mark: &str, words: &[&str]) {
        assert_eq!(self.all(mark, words).len(), 1, "{mark} {words:?}: {:#}", self.0["findings"]);
    }

    /// In the simulated farm, only what raises its alerts is wrong.
    fn nothing_wrong(&self) {
        let is_alert = |finding: &&Value| finding["section"] == "alerts";
        assert!(self.all("wrong", &[]).iter().all(is_alert), "{:#}", self.0["findings"]);
    }
}

/// Serves a page for every request; the port.
fn serve(page: String) -> u16 {
    serve_by(move |_| page.clone())
}

fn serve_by(page: impl Fn(&str) -> String + Send + Sync + 'static) -> u16 {
    let server = Server::start(move |request| Reply::new(200, page(&request.path))).unwrap();
    let port = server.port;
    // Until the test ends.
    std::mem::forget(server);
    port
}

#[test]
fn the_path_to_node_exporter_when_all_is_well() {
    let around = Around::new().written();
    let page = around.page(0);
    let (around, _) = around.node_exporter(page);
    let found = around.check();
    found.nothing_wrong();
    for words in
        ["is fresh and complete", "can read it", "this user can write it", "reads the folder of", "its last scrape has"]
    {
        found.one("ok", &[words]);
    }
}

#[test]
fn a_file_not_written_yet_and_an_old_one() {
    let around = Around::new();
    around.check().one("wrong", &["farcaster.prom is not there yet", "started with this --textfile"]);
    fs::write(around.path(), "farcaster_run_timestamp_seconds 1600000000\n").unwrap();
    around.check().one("wrong", &["s old, more than 300 s"]);
}

/// Without a node_exporter here, the permissions of everyone count.
#[test]
fn a_file_that_not_everyone_can_read() {
    let around = Around::new().written();
    around.mode(&around.path(), 0o600);
    around.check().one("wrong", &["only some users can read", "chmod o+r"]);
    around.mode(&around.path(), 0o644);
    around.mode(&around.text_folder(), 0o750);
    let found = around.check();
    found.nothing_wrong();
    found.one("remark", &["only some users can look into", "chmod o+rx"]);
}

/// Judged as the node_exporter's user, which a test can choose only as root.
#[test]
fn a_folder_that_node_exporter_cannot_read() {
    let mut around = Around::new().written();
    if std::os::unix::fs::chown(around.path(), Some(4242), None).is_err() {
        return;
    }
    let page = around.page(0);
    around = around.node_exporter(page).0;
    around.programs[0].2 = Some(65_534);
    around.check().one("ok", &["user id 65534", "can read it"]);
    around.mode(&around.text_folder(), 0o750);
    around.check().one("wrong", &["user id 65534) cannot read", "text is not accessible to its user: chmod o+rx"]);
}

#[test]
fn a_node_exporter_that_reads_another_folder_or_none() {
    let around = Around::new().written();
    let elsewhere = around.folder.path().join("elsewhere");
    let around =
        around.beside("node_exporter", &["--collector.textfile.directory".to_owned(), elsewhere.display().to_string()]);
    let found = around.check();
    found.one("wrong", &["node_exporter (pid", "elsewhere, where", "--collector.textfile.directory"]);
    Around::new().written().beside("node_exporter", &[]).check().one("wrong", &["reads no folder of text files"]);
}

#[test]
fn what_the_last_scrape_said() {
    let around = Around::new().written();
    let page = around.page(1);
    around.node_exporter(page).0.check().one("wrong", &["node_textfile_scrape_error is 1"]);
    let (around, _) = Around::new().written().node_exporter("node_textfile_scrape_error 0\n");
    around.check().one("wrong", &["its last scrape does not have"]);
    // Nobody answers: this is reported, but not as wrong.
    let around = Around::new().written();
    let folder = format!("--collector.textfile.directory={}", around.text_folder().display());
    let found = around.beside("node_exporter", &[folder, "--web.listen-address=127.0.0.1:1".to_owned()]).check();
    found.nothing_wrong();
    found.one("remark", &["does not answer", "what it reads is not known"]);
}

#[test]
fn the_target_of_prometheus() {
    let around = Around::new().written();
    let page = around.page(0);
    let (mut around, port) = around.node_exporter(page);
    let sample = |up: u8| format!(r#"{{"metric":{{"instance":"localhost:{port}","job":"node"}},"value":[1,"{up}"]}}"#);
    let prometheus = |up: u8, runs: bool| {
        let up = sample(up);
        serve_by(move |url| {
            let result = if url.ends_with("query=up") || runs { up.as_str() } else { "" };
            format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{result}]}}}}"#)
        })
    };
    let listen = |port: u16| vec![format!("--web.listen-address=127.0.0.1:{port}")];
    around.programs.push(("prometheus", listen(prometheus(1, true)), None));
    let found = around.check();
    found.nothing_wrong();
    found.one("ok", &["has the exporter's metrics of localhost:"]);
    around.programs[1].1 = listen(prometheus(0, false));
    let found = around.check();
    found.one("wrong", &["the target localhost:", "is down"]);
    found.one("wrong", &["has no metrics of the exporter"]);
    // Something that is not Prometheus at all.
    around.programs[1].1 = listen(serve("hello".to_owned()));
    let found = around.check();
    found.nothing_wrong();
    found.one("remark", &["does not answer as Prometheus does"]);
}

/// Only where a test can have a /etc/cron.d of its own.
#[test]
fn the_cron_job_of_the_python_exporter() {
    if isolation().is_none() || !Path::new("/etc/cron.d").is_dir() {
        return;
    }
    let mut around = Around::new().written();
    let path = around.path().display().to_string();
    around.crontab =
        Some(format!("# {path}\n* * * * * root lotus-exporter-farcaster.py > {path}.$$ && mv {path}.$$ {path}\n"));
    around.check().one("wrong", &["cron: line 2 of /etc/cron.d/jobs has the Python exporter write", "remove the line"]);
    around.crontab = Some(format!("* * * * * lotus lotus-exporter-farcaster --textfile {path}\n"));
    around.check().nothing_wrong();
}
