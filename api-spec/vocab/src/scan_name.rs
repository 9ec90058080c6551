//! What a workload's summary object is called: the naming rule of image-scanner-operator, so that
//! dashboards and scripts that know its ContainerImageScans find ours.

/// The longest name of an object (RFC 1123 subdomain).
const MAX_NAME: usize = 253;

/// `<kind>-<workload>-<container>-<hash>`: the hash, five hexadecimal digits, is that of the image's
/// repository and digest. A workload's name that makes it too long is cut at its end.
pub fn scan_name(kind: &str, workload: &str, container: &str, repository: &str, digest: &str) -> String {
    let hash = format!("{:x}", hash_of(&[repository, digest]));
    let hash = hash.get(..5).unwrap_or(&hash);
    let kind = kind.to_lowercase();
    let rest = kind.len() + container.len() + hash.len() + 3;
    let workload = cut(workload, MAX_NAME.saturating_sub(rest));
    format!("{kind}-{workload}-{container}-{hash}")
}

fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// The hash of a list of texts as Go's hashstructure makes it.
fn hash_of(texts: &[&str]) -> u64 {
    texts.iter().fold(0, |sum, text| {
        let one = fnv(text.as_bytes().iter().copied());
        fnv(u64::to_le_bytes(sum).into_iter().chain(one.to_le_bytes()))
    })
}

/// FNV-1, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        u64::wrapping_mul(hash, 0x0000_0100_0000_01b3) ^ u64::from(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_ends_in_the_hash_that_the_operator_gives() {
        for (repository, digest, hash) in [
            ("img-name", "img-digest", "88c48"),
            ("other-img", "img-digest", "91ac0"),
            ("img-name", "other-digest", "faf6e"),
            (
                "docker.io/nginxinc/nginx-unprivileged",
                "sha256:1645798310a56491acb75d750ed6a4693a35506c9860503d21a877cc54d95191",
                "ab50d",
            ),
            (
                "docker.io/kennship/http-echo",
                "sha256:144322e8e96be2be6675dcf6e3ee15697c5d052d14d240e8914871a2a83990af",
                "d7f94",
            ),
        ] {
            let name = scan_name("Deployment", "web", "app", repository, digest);
            assert_eq!(name, format!("deployment-web-app-{hash}"));
        }
    }

    #[test]
    fn name_too_long_is_cut_within_the_workload() {
        let name = scan_name("StatefulSet", &"ö".repeat(200), "app", "img-name", "img-digest");
        assert!(name.len() <= 253 && name.len() >= 251, "{}", name.len());
        assert!(name.starts_with("statefulset-ö") && name.ends_with("-app-88c48"));
    }
}
