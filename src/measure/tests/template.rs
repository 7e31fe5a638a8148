//! Names must be defined, and a value stays a value wherever it stands.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    super::{Counters, MetricTemplate, Queries, QueryTemplates, Template, TemplateError, promql::escape_regex},
    arguments, arms,
};

fn render(template: &str, pairs: &[(&str, &str)]) -> Result<String, String> {
    let variables = BTreeMap::from([("namespace", "shop".to_owned()), ("subset", String::new())]);
    Template::parse(template)
        .and_then(|template| template.render(&variables, &arguments(pairs)))
        .map_err(|error| error.to_string())
}

fn threshold(query: &str) -> MetricTemplate {
    MetricTemplate { name: "errors".into(), address: None, queries: QueryTemplates::Threshold(query.into()) }
}

#[test]
fn expressions_are_filled_in_and_the_rest_is_left_alone() {
    let cases = [
        ("up", "up"),
        ("", ""),
        ("{{ namespace }}", "shop"),
        (r#"up{ns="{{namespace}}"} > 0"#, r#"up{ns="shop"} > 0"#),
        (r#"{__name__="{{ args.metric }}"}"#, r#"{__name__="http_requests_total"}"#),
        (r#"{{{ args.label }}="a"}"#, r#"{code="a"}"#),
        ("up{a={{ args.label }}}", "up{a=code}"),
        (r#"up{a="{{ subset }}"}"#, r#"up{a=""}"#),
        (r#"up{a=~"{{ 'a.b' | regex }}\\|x"}"#, r#"up{a=~"a\\.b\\|x"}"#),
        (r#"up{a="{{ 'x' if namespace == 'shop' else 'y' }}-{{ 1 + 1 }}"}"#, r#"up{a="x-2"}"#),
        (r#"up{a=~"{{ '.*' if subset == '' else subset }}"}"#, r#"up{a=~".*"}"#),
        ("rate(x[{{ args.window }}]) # it's {{ namespace }}\n + up", "rate(x[5m]) # it's shop\n + up"),
    ];
    for (template, expected) in cases {
        let values = [("metric", "http_requests_total"), ("label", "code"), ("window", "5m")];
        assert_eq!(render(template, &values).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn an_undefined_name_is_said_with_the_names_there_are() {
    assert_eq!(
        render("up{port=\"{{ args.prot }}\"}", &[("port", "80")]).unwrap_err(),
        "template variable `args.prot` is not defined; defined are namespace, subset, args.port"
    );
    for template in ["{{ revison }}", "{{ namespace.name }}", "{{ 'a' if x else 'b' }}", "{{ range(3) }}"] {
        assert!(render(template, &[]).unwrap_err().contains("is not defined"), "{template}");
    }
    assert_eq!(render("{{ args['a'] }}", &[]).unwrap_err(), "`{{ args['a'] }}`: is not defined");
}

#[test]
fn a_metric_is_found_wrong_before_its_arms_are_known() {
    let metric = MetricTemplate {
        queries: QueryTemplates::Counters(Counters { requests: "up".into(), events: "{{ args.prot }}".into() }),
        ..threshold("")
    };
    let error = metric.check(&arguments(&[("port", "80")])).unwrap_err();
    assert_eq!((&*error.metric, error.query), ("errors", "events"));
    assert!(matches!(error.problem, TemplateError::Undefined { .. }), "{error}");
    assert!(error.to_string().starts_with("metric `errors`, events: template variable `args.prot` is not defined"));
    assert_eq!(threshold("{{ args.port }} {{ host }}").check(&arguments(&[("port", "80")])), Ok(()));

    let misplaced = threshold("{{ args.port }}").check(&arguments(&[("port", "a b")])).unwrap_err();
    assert!(matches!(misplaced.problem, TemplateError::Misplaced { .. }), "{misplaced}");
    let long = threshold(&"{{ host }}".repeat(100)).check(&arguments(&[])).unwrap_err();
    assert!(matches!(long.problem, TemplateError::LongQuery { .. }), "{long}");
}

#[test]
fn every_variable_of_an_arm_can_be_used() {
    let query = "{{ namespace }} {{ service }} {{ variant }} '{{ workload }}' {{ revision }} '{{ backend }}' '{{ host }}' '{{ subset }}'";
    let rendered = threshold(query).render(&arms(), &arguments(&[])).unwrap();
    let expected = "shop web canary 'web-canary' 5c8f6 'web-canary' 'web-canary.shop.svc.cluster.local' ''";
    assert_eq!(rendered.queries, Queries::Threshold(expected.into()));
}

#[test]
fn what_is_not_an_expression_is_refused() {
    let cases = [
        ("{{ namespace", "`{{ namespace` is not closed by `}}`"),
        ("{% for a in b %}", "`{%` begins a statement; only `{{ expressions }}` are known here"),
        ("{{ }}", "`{{  }}`: "),
        ("{{ namespace + }}", "`{{ namespace + }}`: "),
        ("{{ namespace | upper }}", "`{{ namespace | upper }}`: "),
        ("{{ args }}", "`{{ args }}`: is a map, not a text"),
        ("{{ none }}", "`{{ none }}`: is a none, not a text"),
        ("{{ [1] }}", "`{{ [1] }}`: is a sequence, not a text"),
        (r#"up{a="\{{ namespace }}"}"#, "`{{ namespace }}` stands right after a backslash"),
    ];
    for (template, expected) in cases {
        let error = render(template, &[]).unwrap_err();
        assert!(error.starts_with(expected), "{template}: {error}");
    }
}

/// Each of these is short, and would make the controller run out of memory, time or stack.
#[test]
fn a_short_template_makes_no_large_query() {
    let filters = |times| format!("{{{{ '\\\\'{} }}}}", "|regex".repeat(times));
    let cases = [
        filters(24),
        filters(75),
        "{{ 'a' * 100000000 }}".to_owned(),
        "{{ 100000000 * 'a' }}".to_owned(),
        "{{ ('a' * 100000) * 100000 }}".to_owned(),
        "{{ ('a' * 60000) ~ ('a' * 60000) ~ ('a' * 60000) ~ ('a' * 60000) ~ ('a' * 60000) }}".to_owned(),
        "{{ (args.long * 1000) | regex }}".to_owned(),
    ];
    let long = ".".repeat(1024);
    for template in cases {
        let error = render(&template, &[("long", &long)]).unwrap_err();
        assert!(error.contains("makes more than 250 KiB of text, or takes more than 4000 operations"), "{error}");
        assert!(error.len() < 500, "{error}");
    }
    // What makes no text: lists are not written out, and there are no statements, functions and methods.
    for template in [
        "{{ [1] * 100000000 }}",
        "{{ ([[1]] * 5000) * 5000 }}",
        "{% for a in 'aaaa' %}",
        "{{ range(100000000) }}",
        "{{ args.long.join(args.long) }}",
    ] {
        assert!(render(template, &[("long", &long)]).is_err(), "{template}");
    }
    for power in ["{{ 10 ** 1000000 }}", "{{ 2.0 ** 1e9 ** 1e9 }}", "{{ 9999999999999999999999999999 ** 99999 }}"] {
        let bounded = render(power, &[]).map_or_else(|error| error.len(), |query| query.len());
        assert!(bounded < 500, "{power}");
    }
}

#[test]
fn a_query_has_a_longest_length() {
    let long = "x".repeat(1024);
    let many = |times: usize| "{{ args.long }}".repeat(times);
    assert_eq!(render(&many(64), &[("long", &long)]).map(|query| query.len()), Ok(64 << 10));
    let cases = [many(65), many(4000), format!("up # {}", "x".repeat(64 << 10)), "{{ 'x' * 65537 }}".to_owned()];
    for template in cases {
        let error = render(&template, &[("long", &long)]).unwrap_err();
        assert!(error.contains("bytes or more when it is filled in, and a query may have 65536; shorten"), "{error}");
    }
    // Escaping counts too.
    let quotes = "\"".repeat(1024);
    assert!(render(&format!("'{}'", many(40)), &[("long", &quotes)]).is_ok());
    assert!(render(&format!("\"{}\"", many(40)), &[("long", &quotes)]).unwrap_err().contains("a query may have 65536"));
}

#[test]
fn an_expression_has_a_longest_length_and_is_read_on_a_small_stack() {
    let deep = |count: usize| {
        ["not ", "-", "(", "[", "1+", "1 if 1 else ", "{1:", "1<", "1~"]
            .map(|nested| format!("{{{{ {}1 }}}}", nested.repeat(count / nested.len())))
            .into_iter()
            .chain([
                format!("{{{{ 1{} }}}}", "|regex".repeat(count / 6)),
                format!("{{{{ args{} }}}}", ".a".repeat(count / 2)),
                format!("{{{{ args{} }}}}", "[1]".repeat(count / 3)),
                format!("{{{{ args{} }}}}", "()".repeat(count / 2)),
            ])
    };
    let read = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for template in deep(490) {
            let _ = render(&template, &[]);
        }
        for template in deep(50_000) {
            let error = render(&template, &[]).unwrap_err();
            assert!(error.contains("and an expression may have 500; shorten it"), "{error}");
        }
    });
    read.unwrap().join().unwrap();
}

#[test]
fn an_error_repeats_the_beginning_of_a_long_value() {
    let error = render("{{ args.x }}", &[("x", &"+".repeat(10_000))]).unwrap_err();
    assert!(error.starts_with("`{{ args.x }}` is `+++") && error.len() < 400, "{error}");
}

#[test]
fn outside_quotes_only_a_word_is_let_through() {
    for value in ["5m", "http_requests:sum", "0.95"] {
        assert_eq!(render("{{ args.x }}", &[("x", value)]).as_deref(), Ok(value));
    }
    for value in ["up or vector(0)", "up}", "a-b", "\"", "x\n", "#", "ä"] {
        let error = render("{{ args.x }}", &[("x", value)]).unwrap_err();
        assert!(error.ends_with("outside quotes only letters, digits, `_`, `:` and `.` are let through"), "{error}");
        assert!(render("up # {{ args.x }}", &[("x", value)]).is_err(), "a comment ends with its line");
    }
    assert!(render("up{a=`{{ args.x }}`}", &[("x", "`} or up{a=`")]).is_err());
    assert_eq!(render(r"up{a=`{{ args.x }}`}", &[("x", r#"a\"b"#)]).as_deref(), Ok(r#"up{a=`a\"b`}"#));
}

/// Reads a PromQL string in quotes; gives its value and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    let mut value = String::new();
    while let Some((index, character)) = characters.next() {
        match character {
            _ if character == quote => return Some((value, &text[index + quote.len_utf8()..])),
            '\n' => return None,
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                same @ ('\\' | '"' | '\'') => same,
                _ => return None,
            }),
            _ => value.push(character),
        }
    }
    None
}

proptest! {
    #[test]
    fn a_value_in_quotes_reads_back_as_itself(
        value in r#"([\\"'`\n{}%#=|,]|[a-z]|\PC){0,20}"#,
        quote in prop_oneof![Just('"'), Just('\'')],
    ) {
        let template = format!("up{{a={quote}{{{{ args.x }}}}{quote}, b=1}}");
        let query = render(&template, &[("x", &value)]).unwrap();
        let (read, rest) = unquote(query.strip_prefix("up{a=").unwrap()).unwrap();
        prop_assert_eq!(read, value);
        prop_assert_eq!(rest, ", b=1}");
    }

    #[test]
    fn a_value_for_a_regular_expression_matches_only_itself(value in r"([\\.+*?()|\[\]{}^$]|\PC){0,20}") {
        let escaped = escape_regex(&value);
        let (mut read, mut characters) = (String::new(), escaped.chars());
        while let Some(character) = characters.next() {
            let literal = if character == '\\' { characters.next().unwrap() } else { character };
            let bare = character != '\\' && r".+*?()|[]{}^$".contains(character);
            prop_assert!(!bare);
            read.push(literal);
        }
        prop_assert_eq!(read, value);
    }
}
