use super::*;

#[test]
fn places_are_folders_files_or_the_system() {
    let folder = std::env::temp_dir();
    assert_eq!(candidate("auto", "libbcg729.so.0"), Some("libbcg729.so.0".into()));
    assert_eq!(candidate(folder.to_str().unwrap(), "libbcg729.so.0"), Some(folder.join("libbcg729.so.0")));
    assert_eq!(candidate("/opt/libbcg729.so.1", "libbcg729.so.0"), Some("/opt/libbcg729.so.1".into()));
    assert_eq!(candidate("/opt/libilbc.so.3", "libbcg729.so.0"), None, "a file of another codec");
}

#[test]
fn what_is_not_there_is_refused_with_its_name() {
    let libraries = Libraries::load(&["/nowhere/at/all".to_owned()]);
    for kind in KINDS {
        assert!(!libraries.has(kind));
        assert!(libraries.decoder(kind).is_none() && libraries.encoder(kind, false).is_none());
        assert!(libraries.missing().iter().any(|missing| missing.codec == kind.name()));
    }
}
