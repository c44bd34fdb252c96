//! What tests need and a fresh machine lacks: installed here, at fixed versions, and said aloud.
//!
//! Cargo's tools, Python and npm packages go below the target folder and touch nothing else of the machine. Debian
//! packages need root, and are installed only if the program they bring is missing.

use std::path::PathBuf;

use crate::command::{Failed, Program, root, target};

const NEXTEST: &str = "0.9.143";
const DENY: &str = "0.20.2";
const FUZZ: &str = "0.13.2";
const DEB: &str = "3.8.0";

/// Programs that Debian has, with the package and its version in Debian 12. A newer one that is there already will do.
/// Chromium has no version: Debian keeps the newest alone, and one that stood here would be gone within weeks. Its driver asks for
/// exactly the Chromium that it was built with.
const DEBIAN: [(&str, &str); 11] = [
    ("chromedriver", "chromium-driver"),
    ("chromium", "chromium"),
    ("curl", "curl=7.88.*"),
    ("git", "git=1:2.39.*"),
    ("go", "golang-go=2:1.19*"),
    ("h2load", "nghttp2-client=1.52.*"),
    ("nginx", "nginx-light=1.22.*"),
    ("node", "nodejs=18.*"),
    ("npm", "npm=9.*"),
    ("openssl", "openssl=3.0.*"),
    ("wrk", "wrk=4.1.*"),
];

/// The clients' folder, with the lists of Python and npm packages.
fn clients() -> PathBuf {
    root().join("crates/bitting/tests/clients")
}

/// Installs a program from Debian if it is not there.
pub(crate) fn debian(program: &str) -> Result<(), Failed> {
    if Program::new(program).args([if program == "wrk" { "-v" } else { "--version" }]).output().is_some() || on_path(program) {
        return Ok(());
    }
    let Some((_, package)) = DEBIAN.iter().find(|(name, _)| *name == program) else {
        return Err(Failed(format!("{program} is missing, and Debian does not have it")));
    };
    println!("installing {package} from Debian, because there is no {program}");
    Program::new("apt-get").args(["update", "-q"]).run()?;
    Program::new("apt-get").args(["install", "-qy", "--no-install-recommends", package]).run()
}

/// Chromium, and the program that drives it.
pub(crate) fn browser() -> Result<(), Failed> {
    debian("chromedriver")?;
    debian("chromium")
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A Python with the packages of `requirements.txt`.
pub(crate) fn python() -> Result<PathBuf, Failed> {
    let folder = target().join("test-tools/python");
    let python = folder.join("bin/python");
    let wanted = read(&clients().join("requirements.txt"))?;
    if std::fs::read_to_string(folder.join("installed.txt")).ok().as_ref() == Some(&wanted) && python.exists() {
        return Ok(python);
    }
    println!("installing Python packages into {}:\n{}", folder.display(), wanted.trim());
    let _ = std::fs::remove_dir_all(&folder);
    let environment = || Program::new("python3").args(["-m", "venv"]).args([&folder]);
    if environment().run().is_err() {
        println!("installing python3-venv from Debian, because python3 lacks it");
        Program::new("apt-get").args(["update", "-q"]).run()?;
        Program::new("apt-get").args(["install", "-qy", "--no-install-recommends", "python3", "python3-venv=3.11.*"]).run()?;
        environment().run()?;
    }
    let list = clients().join("requirements.txt");
    Program::new(&python).args(["-m", "pip", "install", "--quiet", "--no-deps", "-r"]).args([list]).run()?;
    write(&folder.join("installed.txt"), &wanted)?;
    Ok(python)
}

/// A folder whose `node_modules` has the packages of `package-lock.json`.
pub(crate) fn node() -> Result<PathBuf, Failed> {
    debian("node")?;
    let folder = target().join("test-tools/node");
    let wanted = read(&clients().join("package-lock.json"))?;
    if std::fs::read_to_string(folder.join("installed.json")).ok().as_ref() == Some(&wanted) {
        return Ok(folder);
    }
    debian("npm")?;
    println!("installing npm packages into {}:\n{}", folder.display(), read(&clients().join("package.json"))?.trim());
    std::fs::create_dir_all(&folder).map_err(|error| Failed(format!("{}: {error}", folder.display())))?;
    for name in ["package.json", "package-lock.json"] {
        write(&folder.join(name), &read(&clients().join(name))?)?;
    }
    Program::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).folder(&folder).run()?;
    write(&folder.join("installed.json"), &wanted)?;
    Ok(folder)
}

/// The test runner.
pub(crate) fn nextest() -> Result<Program, Failed> {
    cargo_tool("cargo-nextest", NEXTEST).map(|tool| tool.args(["nextest"]))
}

/// The dependency policy's checker.
pub(crate) fn cargo_deny() -> Result<Program, Failed> {
    cargo_tool("cargo-deny", DENY).map(|tool| tool.args(["--workspace"]))
}

/// What makes Debian packages.
pub(crate) fn cargo_deb() -> Result<Program, Failed> {
    cargo_tool("cargo-deb", DEB)
}

/// The fuzzer, on the nightly toolchain that it needs.
pub(crate) fn cargo_fuzz() -> Result<Program, Failed> {
    cargo_tool("cargo-fuzz", FUZZ).map(|tool| tool.args(["fuzz"]).env("RUSTUP_TOOLCHAIN", "nightly"))
}

fn cargo_tool(name: &str, version: &str) -> Result<Program, Failed> {
    let installed = Program::new(name).args(["--version"]).output();
    if installed.is_some_and(|line| line.contains(version)) {
        return Ok(Program::new(name));
    }
    let folder = target().join("test-tools/cargo");
    let tool = folder.join("bin").join(name);
    let installed = Program::new(&tool).args(["--version"]).output();
    if !installed.is_some_and(|line| line.contains(version)) {
        println!("installing {name} {version} into {}", folder.display());
        // Unoptimised: built in half the time, and quick enough.
        let arguments = ["install", name, "--version", version, "--locked", "--debug", "--force", "--quiet", "--root"];
        Program::cargo().args(arguments).args([&folder]).env("CARGO_TARGET_DIR", target().join("test-tools/build")).run()?;
    }
    Ok(Program::new(tool))
}

fn read(path: &std::path::Path) -> Result<String, Failed> {
    std::fs::read_to_string(path).map_err(|error| Failed(format!("{}: {error}", path.display())))
}

fn write(path: &std::path::Path, text: &str) -> Result<(), Failed> {
    std::fs::write(path, text).map_err(|error| Failed(format!("{}: {error}", path.display())))
}
