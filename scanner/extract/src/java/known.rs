//! Well-known artifacts that are built without Maven, and so say nowhere in the archive which
//! group they are published under.

/// How a known artifact is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) group: &'static str,
    /// The published name, where the file is called otherwise.
    pub(super) artifact: Option<&'static str>,
}

/// Names as files have them and their groups; one that ends with `*` stands for all that begin so.
/// The first that fits counts. Groovy is named as before its version 4, which is the one with
/// advisories.
const GROUPS: &[(&str, &str)] = &[
    ("ant", "org.apache.ant"),
    ("apiguardian-api", "org.apiguardian"),
    ("asm", "org.ow2.asm"),
    ("asm-*", "org.ow2.asm"),
    ("aspectjrt", "org.aspectj"),
    ("aspectjtools", "org.aspectj"),
    ("aspectjweaver", "org.aspectj"),
    ("bc-fips", "org.bouncycastle"),
    ("bcmail-*", "org.bouncycastle"),
    ("bcpg-*", "org.bouncycastle"),
    ("bcpkix-*", "org.bouncycastle"),
    ("bcprov-*", "org.bouncycastle"),
    ("bctls-*", "org.bouncycastle"),
    ("bcutil-*", "org.bouncycastle"),
    ("caffeine", "com.github.ben-manes.caffeine"),
    ("checker-qual", "org.checkerframework"),
    ("connect-runtime", "org.apache.kafka"),
    ("elasticsearch*", "org.elasticsearch"),
    ("groovy*", "org.codehaus.groovy"),
    ("grpc-*", "io.grpc"),
    ("guice-*", "com.google.inject.extensions"),
    ("h2", "com.h2database"),
    ("hibernate-commons-annotations", "org.hibernate.common"),
    ("jna", "net.java.dev.jna"),
    ("jna-platform", "net.java.dev.jna"),
    ("kafka-clients", "org.apache.kafka"),
    ("kafka_2.*", "org.apache.kafka"),
    ("kotlin-*", "org.jetbrains.kotlin"),
    ("lucene-*", "org.apache.lucene"),
    ("lz4-java", "org.lz4"),
    ("micrometer-*", "io.micrometer"),
    ("mysql-connector-j", "com.mysql"),
    ("mysql-connector-java", "mysql"),
    ("okhttp", "com.squareup.okhttp3"),
    ("okio*", "com.squareup.okio"),
    ("opensearch", "org.opensearch"),
    ("perfmark-*", "io.perfmark"),
    ("postgresql", "org.postgresql"),
    ("protobuf-java*", "com.google.protobuf"),
    ("protobuf-kotlin*", "com.google.protobuf"),
    ("re2j", "com.google.re2j"),
    ("reactor-core", "io.projectreactor"),
    ("reactor-netty*", "io.projectreactor.netty"),
    ("serializer", "xalan"),
    ("solr-*", "org.apache.solr"),
    ("spring-amqp", "org.springframework.amqp"),
    ("spring-aop", "org.springframework"),
    ("spring-aspects", "org.springframework"),
    ("spring-batch-*", "org.springframework.batch"),
    ("spring-beans", "org.springframework"),
    ("spring-boot*", "org.springframework.boot"),
    ("spring-context*", "org.springframework"),
    ("spring-core", "org.springframework"),
    ("spring-expression", "org.springframework"),
    ("spring-integration-*", "org.springframework.integration"),
    ("spring-jcl", "org.springframework"),
    ("spring-jdbc", "org.springframework"),
    ("spring-jms", "org.springframework"),
    ("spring-kafka*", "org.springframework.kafka"),
    ("spring-ldap-*", "org.springframework.ldap"),
    ("spring-messaging", "org.springframework"),
    ("spring-orm", "org.springframework"),
    ("spring-oxm", "org.springframework"),
    ("spring-rabbit*", "org.springframework.amqp"),
    ("spring-security-*", "org.springframework.security"),
    ("spring-session-*", "org.springframework.session"),
    ("spring-test", "org.springframework"),
    ("spring-tx", "org.springframework"),
    ("spring-web", "org.springframework"),
    ("spring-webflow", "org.springframework.webflow"),
    ("spring-webflux", "org.springframework"),
    ("spring-webmvc", "org.springframework"),
    ("spring-websocket", "org.springframework"),
    ("spring-ws-*", "org.springframework.ws"),
    ("tomcat-embed-*", "org.apache.tomcat.embed"),
    ("tomcat-*", "org.apache.tomcat"),
    ("xercesImpl", "xerces"),
];

/// Files of Apache Tomcat that are published under another name.
const RENAMED: &[(&str, &str, &str)] = &[
    ("catalina", "org.apache.tomcat", "tomcat-catalina"),
    ("catalina-ha", "org.apache.tomcat", "tomcat-catalina-ha"),
    ("jasper", "org.apache.tomcat", "tomcat-jasper"),
];

/// The known artifact that a file of this name holds.
pub(super) fn find(artifact: &str) -> Option<Known> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => artifact.starts_with(start),
        None => artifact == pattern,
    };
    let renamed = RENAMED.iter().find(|(name, ..)| *name == artifact);
    let renamed = renamed.map(|&(_, group, artifact)| Known { group, artifact: Some(artifact) });
    let named = || GROUPS.iter().find(|(name, _)| fits(name));
    renamed.or_else(|| named().map(|&(_, group)| Known { group, artifact: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_artifacts_are_found() {
        assert_eq!(find("spring-core"), Some(Known { group: "org.springframework", artifact: None }));
        assert_eq!(find("tomcat-coyote").map(|known| known.group), Some("org.apache.tomcat"));
        assert_eq!(find("tomcat-embed-el").map(|known| known.group), Some("org.apache.tomcat.embed"));
        assert_eq!(find("catalina").and_then(|known| known.artifact), Some("tomcat-catalina"));
        assert_eq!(find("spring-corex"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn known_list_is_in_order() {
        // A longer start comes before the shorter one that it begins with.
        let sorted =
            |(a, b): (&str, &str)| a < b || b.strip_suffix('*').is_some_and(|start| a.starts_with(start));
        assert!(GROUPS.windows(2).all(|pair| sorted((pair[0].0, pair[1].0))));
    }
}
