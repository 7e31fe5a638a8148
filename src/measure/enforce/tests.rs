//! No query gets at another namespace's series, and honest ones stay what they are.

use proptest::prelude::*;

use super::*;

fn bound(query: &str) -> Result<String, String> {
    Enforced::new("namespace").unwrap().bound(query, "shop").map_err(|error| error.to_string())
}

#[test]
fn the_matcher_is_added_to_every_selector() {
    let cases = [
        ("up", r#"up{namespace="shop"}"#),
        ("up{}", r#"up{namespace="shop"}"#),
        ("{}", r#"{namespace="shop"}"#),
        (r#"up { code=~"5.." }"#, r#"up {namespace="shop", code=~"5.." }"#),
        (r#"{__name__="up"}"#, r#"{namespace="shop",__name__="up"}"#),
        (r#"{"up", a='1'}"#, r#"{namespace="shop","up", a='1'}"#),
        ("{__name__=~`.+`,}", r#"{namespace="shop",__name__=~`.+`,}"#),
        (r#"up{"kubernetes.io/name"="a"}"#, r#"up{namespace="shop","kubernetes.io/name"="a"}"#),
        (
            r#"sum by (pod) (rate(a:b{x!="1"}[5m] offset -1h)) / on (pod) group_left (zone) c"#,
            r#"sum by (pod) (rate(a:b{namespace="shop",x!="1"}[5m] offset -1h)) / on (pod) group_left (zone) c{namespace="shop"}"#,
        ),
        (
            "sum(a) by (b) + -sum without () (c)",
            r#"sum(a{namespace="shop"}) by (b) + -sum without () (c{namespace="shop"})"#,
        ),
        (
            "max_over_time(rate(a[1m])[10m:30s]) @ end() and b @ 1600000000.5 or vector(1)",
            r#"max_over_time(rate(a{namespace="shop"}[1m])[10m:30s]) @ end() and b{namespace="shop"} @ 1600000000.5 or vector(1)"#,
        ),
        (
            r#"label_replace(a, "dst", "$1", "src", "b{c}|d") > bool 1e-3"#,
            r#"label_replace(a{namespace="shop"}, "dst", "$1", "src", "b{c}|d") > bool 1e-3"#,
        ),
        ("topk(3, a) unless ignoring (x) b", r#"topk(3, a{namespace="shop"}) unless ignoring (x) b{namespace="shop"}"#),
        ("a # b\n + time() * Inf", "a{namespace=\"shop\"} \n + time() * Inf"),
        ("count_values('v', a) == 0x1f ^ .5", r#"count_values('v', a{namespace="shop"}) == 0x1f ^ .5"#),
        ("a * on (x) group_left b", r#"a{namespace="shop"} * on (x) group_left b{namespace="shop"}"#),
        ("((a))", r#"((a{namespace="shop"}))"#),
        ("1", "1"),
    ];
    for (query, expected) in cases {
        assert_eq!(bound(query).as_deref(), Ok(expected), "{query}");
    }
}

#[test]
fn a_query_that_names_its_own_namespace_stays_as_it_is() {
    for query in [r#"up{namespace="shop"}"#, "up{a='1',namespace=`shop`}", r#"up{"namespace"='shop'}"#] {
        assert_eq!(bound(query).as_deref(), Ok(query));
    }
}

#[test]
fn a_query_for_another_namespace_is_refused() {
    for condition in [
        r#"namespace="blog""#,
        r#"namespace=~"shop|blog""#,
        r#"namespace!="shop""#,
        r#"namespace!~"blog""#,
        r#"namespace="""#,
        r#"namespace="sh\x6fp""#,
        r#""namespace"="blog""#,
        "namespace=`blog`",
        r#"namespace="shop", namespace="blog""#,
    ] {
        let error = bound(&format!("up{{{condition}}}")).unwrap_err();
        let expected = r#"this controller asks only for series with `namespace="shop"`; leave the condition out"#;
        assert!(error.starts_with("the query has the condition `") && error.contains(expected), "{error}");
    }
    assert!(matches!(Enforced::new("namespace").unwrap().bound("up", ""), Err(EnforceError::NoNamespace)));
}

/// Each of these is read in another way by some server, or by a careless reader.
#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for query in [
        // Only one of two servers ends the comment at the carriage return.
        "up #\r{a=\"1\"}",
        "up + # \r secret\n 1",
        // VictoriaMetrics' own.
        r#"up{a="1" or b="2"}"#,
        "with (x = secret) x",
        "WITH (x = secret) x",
        "up default secret",
        "up if secret",
        "up ifnot secret",
        "up keep_metric_names",
        "up @ (secret)",
        "up offset (secret)",
        "foo.bar",
        r"foo\-bar",
        "up[secret[5m]]",
        "up[5m offset secret]",
        // Words of the language, which Prometheus takes for metrics at these places.
        "offset",
        "max(on)",
        "up + by",
        "sum",
        "bool",
        "(group_left)",
        "up + on + up",
        "Start",
        // Places where nothing can stand.
        "up secret",
        "up{} {}",
        "up()",
        "up) + (secret",
        "(up",
        "up,secret",
        "up by (a) secret",
        "sum(up) by (a) (secret)",
        "sum by (up{}) (a)",
        "up + on (a) group_left (secret) ",
        "up{a}",
        "up{a=b}",
        r#"up{a=="b"}"#,
        r#"up{a="b" c="d"}"#,
        "up{{}}",
        "up}",
        "\"a",
        "\"a\n\"",
        "`a",
        "'\\'",
        "up\u{a0}",
        "größe",
        "up;secret",
        "",
        "# nothing",
    ] {
        if query == "up()" {
            // A function of that name does not exist: Prometheus says so.
            assert_eq!(bound(query).as_deref(), Ok(query));
            continue;
        }
        let error = bound(query).unwrap_err();
        assert!(error.contains(r#"can't be bounded to series with `namespace="shop"`"#), "{query}: {error}");
        assert!(error.len() < 600, "{error}");
    }
}

#[test]
fn a_deep_query_is_read_on_a_small_stack() {
    let read = std::thread::Builder::new().stack_size(128 << 10).spawn(|| {
        let deep = "(".repeat(30_000) + "up" + &")".repeat(30_000);
        assert!(bound(&deep).unwrap().contains(r#"up{namespace="shop"}"#));
        let long = "up+".repeat(20_000) + "up";
        assert_eq!(bound(&long).unwrap().matches("namespace").count(), 20_001);
    });
    read.unwrap().join().unwrap();
}

#[test]
fn only_a_name_of_a_label_is_enforced() {
    assert!(Enforced::new("kubernetes_namespace").is_ok());
    for label in ["", "1a", "a-b", "a\"b", "größe", "__name__", "a b"] {
        assert!(Enforced::new(label).unwrap_err().to_string().contains("is no name of a label"), "{label}");
    }
}

/// Space and comments as authors write them.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(String::new()),
        4 => Just(" ".to_owned()),
        1 => Just("\n\t".to_owned()),
        1 => Just(" # secret{} \" ' ` (\n".to_owned()),
    ]
}

/// A condition that says nothing of the namespace, with what looks like code in its value.
fn condition() -> impl Strategy<Value = String> {
    let label = prop_oneof![Just("a"), Just("\"b.c\""), Just("'d'"), Just("or"), Just("by")];
    let operator = prop_oneof![Just("="), Just("!="), Just("=~"), Just("!~")];
    let value = prop_oneof![
        Just(r#""secret{} \" or secret #""#),
        Just(r"'\'} or secret{'"),
        Just(r"`\`"),
        Just(r#""""#),
        Just("'namespace=\"shop\"'")
    ];
    (label, space(), operator, space(), value)
        .prop_map(|(label, one, operator, two, value)| format!("{label}{one}{operator}{two}{value}"))
}

/// A query, and how many selectors are in it. Each has the metric `m`.
fn query() -> impl Strategy<Value = (String, usize)> {
    let selector = (space(), prop::collection::vec(condition(), 0..3), any::<bool>(), any::<bool>()).prop_map(
        |(space, mut conditions, named, comma)| {
            if named {
                let end = if comma && !conditions.is_empty() { "," } else { "" };
                let braces = format!("{{{}{end}}}", conditions.join(","));
                (if conditions.is_empty() && comma { "m".to_owned() } else { format!("m{space}{braces}") }, 1)
            } else {
                conditions.push(if comma { r#"__name__="m""#.to_owned() } else { r#""m""#.to_owned() });
                (format!("{{{}}}", conditions.join(&format!("{space},"))), 1)
            }
        },
    );
    let leaf = prop_oneof![
        6 => selector,
        1 => prop_oneof![Just("1"), Just("1.5e-3"), Just("NaN"), Just("'secret{}'"), Just("time()")]
            .prop_map(|text| (text.to_owned(), 0)),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let pair = (
            inner.clone(),
            space(),
            prop::sample::select(vec![
                "+",
                "-",
                "*",
                "/",
                "%",
                "^",
                "> bool",
                "==",
                "<=",
                "and",
                "or",
                "unless",
                "atan2",
                "* on (a, secret)",
                "/ ignoring () group_left (b)",
                "AND",
            ]),
            inner.clone(),
        );
        prop_oneof![
            pair.prop_map(|((one, ones), space, operator, (other, others))| {
                (format!("{one}{space} {operator} {space}{other}"), ones + others)
            }),
            (inner.clone(), space()).prop_map(|((one, ones), space)| (format!("{space}({space}{one}{space})"), ones)),
            (inner.clone(), prop::sample::select(vec!["sum", "Max by (secret)", "abs", "count without (a,)"]), space())
                .prop_map(|((one, ones), function, space)| (format!("{function}{space}({one})"), ones)),
            (
                inner.clone(),
                prop::sample::select(vec![
                    "[5m]",
                    "[5m:]",
                    "[1h:30s] offset 1d",
                    " @ start()",
                    " @ -1.5",
                    " offset -5m"
                ])
            )
                .prop_map(|((one, ones), after)| (format!("({one}){after}"), ones)),
            (inner.clone(), inner).prop_map(|((one, ones), (other, others))| {
                (format!("quantile by (a) ({one}, {other}) by (b)"), ones + others)
            }),
        ]
    })
}

/// A query with a word for each of its texts: `SHOP` for the namespace, `TEXT` for any other.
fn without_texts(query: &str) -> String {
    let (mut code, mut rest) = (String::new(), query);
    while let Some(quote) = rest.find(['"', '\'', '`']) {
        let (before, text) = rest.split_at(quote);
        code.push_str(before);
        let kind = text.chars().next().unwrap_or_default();
        let mut end = 1;
        while !text[end..].starts_with(kind) {
            let escaped = text[end..].starts_with('\\') && kind != '`';
            let first = text[end..].chars().next().map_or(1, char::len_utf8);
            let second = text[end + first..].chars().next().filter(|_| escaped).map_or(0, char::len_utf8);
            end += first + second;
        }
        code.push_str(if &text[..=end] == "\"shop\"" { "SHOP" } else { "TEXT" });
        rest = &text[end + 1..];
    }
    code + rest
}

proptest! {
    /// An independent look at what comes out: without its texts, every brace and every `m` outside braces begins with
    /// the matcher.
    #[test]
    fn every_selector_of_a_query_is_bounded((query, selectors) in query()) {
        let bounded = bound(&query).map_err(|error| TestCaseError::fail(format!("{query}\n{error}")))?;
        let code = without_texts(&bounded);
        prop_assert!(!code.contains('#'), "{code}");
        prop_assert_eq!(code.matches('{').count(), selectors, "{}", code);
        prop_assert_eq!(code.matches("{namespace=SHOP").count(), selectors, "{}", code);
        // Taken out again, it is the query without its comments.
        let without = bounded.replace(r#"{namespace="shop"}"#, "{}").replace(r#"namespace="shop","#, "");
        let plain = query.replace(" # secret{} \" ' ` (\n", " \n");
        prop_assert_eq!(without.replace("{}", ""), plain.replace("{}", ""));
        // Bounded twice is bounded once.
        prop_assert_eq!(bound(&bounded), Ok(bounded));
    }

    /// Whatever is let through has a matcher for each brace and each metric; and nothing panics.
    #[test]
    fn a_soup_of_tokens_is_refused_or_bounded(tokens in prop::collection::vec(prop::sample::select(vec![
        "secret", "by", "on", "(", ")", "{", "}", ",", "\"", "'", "`", "\\", "#", "\n", "\r", "=", "=~", "!", "a", "sum", "[", "5m", "]",
        ":", "offset", "@", "start", "or", "and", "+", "-", "1", ".", "namespace", "\"shop\"", "\"x\"", " ", "ä", "group_left", "bool",
    ]), 0..14)) {
        let soup = tokens.concat();
        if let Ok(bounded) = bound(&soup) {
            prop_assert_eq!(bound(&bounded), Ok(bounded.clone()), "{}", soup);
            let code = without_texts(&bounded);
            prop_assert!(code.matches('{').count() <= code.matches("namespace").count(), "{}", bounded);
        }
    }
}
