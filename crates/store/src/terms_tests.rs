use super::*;

#[test]
fn korean_becomes_pairs_and_words_stay_whole() {
    assert_eq!(tokens("주간회의는 10시"), vec!["주간", "간회", "회의", "의는", "10", "시"]);
    assert_eq!(tokens("나 집"), vec!["나", "집"]);
    assert_eq!(tokens("Hello, World-wide ㅋㅋㅋ"), vec!["hello", "world", "wide", "ㅋㅋ", "ㅋㅋ"]);
    assert_eq!(tokens("東京タワー"), vec!["東京", "京タ", "タワ", "ワー"]);
    assert!(tokens("🙂 … !").is_empty());
}

#[test]
fn a_decomposed_text_is_cut_like_a_composed_one() {
    let decomposed: String = "회의실 Café".nfd().collect();
    assert_ne!(decomposed, "회의실 Café");
    assert_eq!(tokens(&decomposed), tokens("회의실 café"));
}

#[test]
fn a_half_typed_text_is_a_prefix_in_strokes() {
    for (typed, whole) in [
        ("저녀", "저녁"),
        ("회으", "회의"),
        ("간", "가나"),
        ("달", "닭"),
        ("ㅎ", "회의"),
        ("갑", "값"),
        ("고", "과자"),
    ] {
        assert!(strokes(whole).starts_with(&strokes(typed)), "{typed} on the way to {whole}");
    }
    assert!(!strokes("회사").starts_with(&strokes("회으")));
    assert_eq!(strokes("ㄳ"), strokes("ㄱㅅ"));
}
