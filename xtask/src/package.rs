//! `cargo xtask package`: the Debian package, and the folder that an image is made of.

use std::path::{Path, PathBuf};

use crate::command::{Failed, Program, root, target};
use crate::tools;

/// How the program in a package was built.
#[derive(Clone, Copy)]
enum Profile {
    Release,
    /// As tests have it: a package that is only looked at is built in seconds.
    Dev,
}

/// Builds the package for others.
pub(crate) fn run() -> Result<(), Failed> {
    let package = build(Profile::Release)?;
    println!("{}", package.display());
    Ok(())
}

/// Builds package and image of the program as tests have it, and looks whether they are whole and the program runs in them.
pub(crate) fn check() -> Result<(), Failed> {
    let package = build(Profile::Dev)?;
    let tree = folder().join("tree");
    afresh(&tree)?;
    Program::new("dpkg-deb").args(["--extract"]).args([&package, &tree]).run()?;
    for file in [
        "usr/bin/bitting",
        "etc/bitting/bitting.toml",
        "usr/lib/systemd/system/bitting.service",
        "usr/lib/systemd/system/bitting.socket",
        "usr/share/bash-completion/completions/bitting",
        "usr/share/doc/bitting/docs/operating.md",
        "usr/share/doc/bitting/examples/csboard.toml",
    ] {
        if !tree.join(file).is_file() {
            return Err(Failed(format!("the package lacks /{file}")));
        }
    }
    let scripts = Program::new("dpkg-deb").args(["--info"]).args([&package]).args(["conffiles"]).output();
    if scripts.is_none_or(|conffiles| !conffiles.contains("/etc/bitting/bitting.toml")) {
        return Err(Failed("an upgrade would overwrite /etc/bitting/bitting.toml: it is no conffile".to_owned()));
    }
    image_runs(&target().join("debug/bitting"))
}

/// Makes the folder of the image, and has the program serve in it with nothing else around.
fn image_runs(program: &Path) -> Result<(), Failed> {
    let image = folder().join("image");
    afresh(&image)?;
    Program::new("packaging/image.sh").args([program, &image]).run()?;
    let api = "[store]\npath = \"/var/lib/bitting/bitting.db\"\n[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:3000\"\n\
               [api.key]\nprefix = \"shop_\"\n";
    write(&image.join("etc/bitting/bitting.toml"), api)?;
    let inside = || {
        Program::new("chroot")
            .args(["--userspec=65532:65532"])
            .args([&image])
            .args(["/usr/bin/bitting"])
            .env("BITTING_CONFIG", "/etc/bitting/bitting.toml")
    };
    let ports = ["--set", "listen.0.address=127.0.0.1:0", "--set", "listen.1.address=127.0.0.1:0"];
    let _serving = inside().args(["serve"]).args(ports).start_until("\"message\":\"ready\"")?;
    for words in [&["health"][..], &["reload"], &["keys", "create", "--name", "first"]] {
        if inside().args(words).output().is_none() {
            return Err(Failed(format!("`bitting {}` fails in the image", words.join(" "))));
        }
    }
    Ok(())
}

fn build(profile: Profile) -> Result<PathBuf, Failed> {
    let release = matches!(profile, Profile::Release);
    let cargo_deb = tools::cargo_deb()?;
    Program::cargo().args(["build", "--locked", "-p", "bitting"]).args(release.then_some("--release")).run()?;
    let name = if release { "release" } else { "debug" };
    completions(&target().join(name).join("bitting"))?;
    let package = folder().join(format!("bitting-{name}.deb"));
    let profile = if release { "release" } else { "dev" };
    cargo_deb
        .args(["--package", "bitting", "--no-build", "--quiet", "--profile", profile, "--output"])
        .args([&package])
        .run()?;
    Ok(package)
}

/// The scripts that complete commands, which the program writes itself.
fn completions(program: &Path) -> Result<(), Failed> {
    let folder = root().join("target/package/completions");
    std::fs::create_dir_all(&folder).map_err(|error| Failed(format!("{}: {error}", folder.display())))?;
    for shell in ["bash", "zsh", "fish"] {
        let script = Program::new(program).args(["completions", shell]).output();
        let script = script.ok_or_else(|| Failed(format!("{} has no completions for {shell}", program.display())))?;
        write(&folder.join(shell), &(script + "\n"))?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    target().join("package")
}

fn afresh(folder: &Path) -> Result<(), Failed> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| Failed(format!("{}: {error}", folder.display())))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| Failed(format!("{}: {error}", folder.display())))
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    std::fs::write(path, text).map_err(|error| Failed(format!("{}: {error}", path.display())))
}
