//! ISOs by `tools/mkiso`, and TFTP folders by `tools/mkpxe`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{build_folder, root};

/// Which loader boots Bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// Limine, by its own protocol.
    Limine,
    /// GRUB, as Multiboot2.
    Grub,
}

impl Loader {
    const fn name(self) -> &'static str {
        match self {
            Self::Limine => "limine",
            Self::Grub => "grub",
        }
    }

    /// Whether this machine has it: Limine is in no registry, so its tests are skipped without.
    ///
    /// # Panics
    /// If `tools/mkiso` can't be run.
    #[must_use]
    pub fn is_available(self) -> bool {
        let output = Command::new(root().join("tools/mkiso"))
            .arg("--which")
            .output()
            .expect("tools/mkiso can be run");
        self == Self::Grub || String::from_utf8_lossy(&output.stdout).trim() == "limine"
    }
}

/// An ISO to be made.
pub struct Iso {
    name: String,
    loader: Loader,
    script: String,
    images: Vec<(String, PathBuf)>,
    settings: Vec<(&'static str, String)>,
}

impl Iso {
    /// An ISO of that name, booted by GRUB, without script and images.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_string(),
            loader: Loader::Grub,
            script: String::new(),
            images: Vec::new(),
            // No menu: nobody is there to choose.
            settings: vec![("TIMEOUT", "0".to_string())],
        }
    }

    /// Booted by that loader.
    #[must_use]
    pub fn loader(mut self, loader: Loader) -> Self {
        self.loader = loader;
        self
    }

    /// With that boot script.
    #[must_use]
    pub fn script(mut self, text: &str) -> Self {
        self.script = text.to_string();
        self
    }

    /// With that mode of the screen, which GRUB knows how to set; empty for its own choice.
    #[must_use]
    pub fn video(self, mode: &str) -> Self {
        self.setting("VIDEO", mode)
    }

    /// With an image.
    #[must_use]
    pub fn image(mut self, name: &str, path: impl AsRef<Path>) -> Self {
        self.images
            .push((name.to_string(), path.as_ref().to_path_buf()));
        self
    }

    /// With a setting of the tool's, an environment variable.
    #[must_use]
    pub fn setting(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }

    /// Makes it in a folder of its own, which it gives.
    ///
    /// # Panics
    /// If it can't be made, with what `tools/mkiso` said.
    #[must_use]
    pub fn make(&self) -> PathBuf {
        self.run("tools/mkiso", "boot.iso")
    }

    /// The same content as a TFTP folder to boot from by the network.
    ///
    /// # Panics
    /// If it can't be made, with what `tools/mkpxe` said.
    #[must_use]
    pub fn make_tftp_folder(&self) -> PathBuf {
        self.run("tools/mkpxe", "tftp")
    }

    fn run(&self, tool: &str, out: &str) -> PathBuf {
        let folder = build_folder().join("tests").join(&self.name);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let script = folder.join("bulkhead.conf");
        std::fs::write(&script, &self.script).expect("the script can be written");
        let out = folder.join(out);
        let output = Command::new(root().join(tool))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .arg(self.loader.name())
            .arg(&script)
            .arg(&out)
            .args(
                self.images
                    .iter()
                    .map(|(name, path)| format!("{name}={}", path.display())),
            )
            .output()
            .expect("the tool can be run");
        assert!(
            output.status.success(),
            "{tool} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        out
    }
}
