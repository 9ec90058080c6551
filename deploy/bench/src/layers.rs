//! Layers to measure with, as files.
//!
//! The content is made here, from a fixed seed: package metadata as real images have it, among
//! files of text and of machine code in sizes as real images have them.

use crate::random::Random;
use anyhow::Result;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// A layer like Debian's: a dpkg database, libraries, documentation. About `bytes` long.
pub fn debian(path: &Path, bytes: u64) -> Result<()> {
    let mut layer = Layer::new(path, 1)?;
    layer.add("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")?;
    layer.add("var/lib/dpkg/status", dpkg_status(450).as_bytes())?;
    layer.fill(bytes, &["usr/lib/x86_64-linux-gnu", "usr/share/doc", "usr/bin", "usr/share/perl"])?;
    layer.finish()
}

/// A layer of many ecosystems: Python, Node and Java packages among other files.
pub fn many_ecosystems(path: &Path, bytes: u64) -> Result<()> {
    let mut layer = Layer::new(path, 2)?;
    layer.add("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")?;
    layer.add("var/lib/dpkg/status", dpkg_status(450).as_bytes())?;
    for n in 0..400 {
        let metadata = format!("Metadata-Version: 2.1\nName: pkg{n}\nVersion: 1.{n}\n\nText.\n");
        layer.add(&format!("opt/py/pkg{n}-1.{n}.dist-info/METADATA"), metadata.as_bytes())?;
    }
    for n in 0..2000 {
        let manifest = format!("{{\"name\": \"mod{n}\", \"version\": \"2.{n}.0\", \"license\": \"MIT\"}}");
        layer.add(&format!("srv/node_modules/mod{n}/package.json"), manifest.as_bytes())?;
    }
    for n in 0..150 {
        let jar = layer.jar(n)?;
        layer.add(&format!("opt/java/lib/lib{n}-3.{n}.jar"), &jar)?;
    }
    layer.fill(bytes, &["usr/lib", "usr/share/doc", "srv/assets", "opt/tools/bin"])?;
    layer.finish()
}

/// The gzip of a file, as image builders make it.
pub fn gzip(plain: &Path, target: &Path) -> Result<()> {
    let target = BufWriter::new(File::create(target)?);
    let mut encoder = flate2::write::GzEncoder::new(target, flate2::Compression::default());
    std::io::copy(&mut File::open(plain)?, &mut encoder)?;
    Ok(encoder.finish()?.flush()?)
}

/// The gzip of a layer of so many empty files, each of another name.
pub fn many_entries(target: &Path, entries: u64) -> Result<()> {
    let target = BufWriter::new(File::create(target)?);
    let mut encoder = flate2::write::GzEncoder::new(target, flate2::Compression::fast());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(0);
    header.set_mode(0o644);
    for n in 0..entries {
        header.set_path(format!("srv/many/{:04}/{n:08}", n / 10_000))?;
        header.set_cksum();
        encoder.write_all(header.as_bytes())?;
    }
    encoder.write_all(&[0; 1024])?;
    Ok(encoder.finish()?.flush()?)
}

fn dpkg_status(packages: usize) -> String {
    (0..packages).fold(String::new(), |status, n| {
        status
            + &format!(
                "Package: lib{n}\nStatus: install ok installed\nPriority: optional\nSection: libs\n\
                 Installed-Size: 512\nMaintainer: Somebody <somebody@example.org>\nArchitecture: amd64\n\
                 Source: src{n}\nVersion: 1:{n}.2-3+deb12u1\nDepends: libc6 (>= 2.36)\n\
                 Description: a library\n with a longer text\n that nobody reads\n\n"
            )
    })
}

struct Layer {
    tar: tar::Builder<BufWriter<File>>,
    written: u64,
    random: Random,
}

impl Layer {
    fn new(path: &Path, seed: u64) -> Result<Self> {
        let tar = tar::Builder::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
        Ok(Layer { tar, written: 0, random: Random(seed) })
    }

    fn add(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if content.starts_with(b"\x7fELF") { 0o755 } else { 0o644 });
        self.written += 512 + (content.len() as u64).next_multiple_of(512);
        Ok(self.tar.append_data(&mut header, path, content)?)
    }

    /// Files of 200 bytes to 800 KiB, small ones far more often, until the layer is `bytes` long.
    fn fill(&mut self, bytes: u64, folders: &[&str]) -> Result<()> {
        let mut n = 0;
        while self.written < bytes {
            let size = 200 << self.random.below(13).min(self.random.below(13));
            let content = if n % 3 == 0 { self.code(size) } else { self.text(size) };
            let folder = folders.get(n % folders.len()).copied().unwrap_or_default();
            let ending = if n % 3 == 0 { "" } else { ".txt" };
            self.add(&format!("{folder}/dir{}/file{n}{ending}", n % 97), &content)?;
            n += 1;
        }
        Ok(())
    }

    fn text(&mut self, size: usize) -> Vec<u8> {
        let words =
            ["the ", "package ", "of ", "which ", "configuration ", "file\n", "is ", "0x", "version "];
        let mut text = Vec::with_capacity(size + 16);
        while text.len() < size {
            text.extend(self.random.of(&words).copied().unwrap_or_default().as_bytes());
        }
        text
    }

    /// Machine code compresses to about half: half of its bytes are random here.
    fn code(&mut self, size: usize) -> Vec<u8> {
        let mut code = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        while code.len() < size {
            code.extend(self.random.next().to_le_bytes().iter().take(4));
            code.extend([0x48, 0x8b, 0x05, 0]);
        }
        code
    }

    fn jar(&mut self, n: usize) -> Result<Vec<u8>> {
        let mut jar = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        jar.start_file(format!("META-INF/maven/org.example/lib{n}/pom.properties"), options)?;
        write!(jar, "groupId=org.example\nartifactId=lib{n}\nversion=3.{n}\n")?;
        for class in 0..40 {
            jar.start_file(format!("org/example/C{class}.class"), options)?;
            jar.write_all(&self.code(4000))?;
        }
        Ok(jar.finish()?.into_inner())
    }

    fn finish(self) -> Result<()> {
        Ok(self.tar.into_inner()?.flush()?)
    }
}
