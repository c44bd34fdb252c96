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
        "usr/share/man/man1/bitting.1.gz",
        "usr/share/doc/bitting/changelog.gz",
        "usr/share/doc/bitting/changelog.Debian.gz",
        "usr/share/doc/bitting/copyright",
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
    tells_of_itself(&package)?;
    image_runs(&target().join("debug/bitting"))
}

/// Whether what is written by hand about the package and its program is what they are.
fn tells_of_itself(package: &Path) -> Result<(), Failed> {
    let version = Program::new("dpkg-deb").args(["--field"]).args([package]).args(["Version"]).output().unwrap_or_default();
    if !read("packaging/changelog.Debian")?.starts_with(&format!("bitting ({})", version.trim())) {
        return Err(Failed(format!("packaging/changelog.Debian does not begin with version {}", version.trim())));
    }
    let manual = read("packaging/bitting.1")?.replace('\\', "");
    let help = Program::new(target().join("debug/bitting")).args(["--help"]).output().unwrap_or_default();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What a command does goes on in lines that begin further right.
    let names = commands.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    for name in names.filter_map(|line| line.split_whitespace().next()) {
        if !manual.lines().any(|line| line.starts_with(".B") && line.split([' ', ',', '"']).any(|word| word == name)) {
            return Err(Failed(format!("packaging/bitting.1 says nothing of `bitting {name}`")));
        }
    }
    Ok(())
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
        .args(maintainer().iter().flat_map(|maintainer| ["--maintainer", maintainer]))
        .run()?;
    Ok(package)
}

/// Who gives the package to others, as Debian's own tools are told it.
fn maintainer() -> Option<String> {
    let (name, address) = (std::env::var("DEBFULLNAME").ok()?, std::env::var("DEBEMAIL").ok()?);
    Some(format!("{name} <{address}>"))
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

fn read(file: &str) -> Result<String, Failed> {
    std::fs::read_to_string(root().join(file)).map_err(|error| Failed(format!("{file}: {error}")))
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    std::fs::write(path, text).map_err(|error| Failed(format!("{}: {error}", path.display())))
}
