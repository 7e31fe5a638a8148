//! Classical tests, distributions, and the pieces of A/B reports.

use serde_json::Value;
use siskin::judge::classical::bayes::{Posterior, chance_to_be_best, expected_loss};
use siskin::judge::classical::kolmogorov_smirnov::KolmogorovSmirnov;
use siskin::judge::classical::mann_whitney::{MannWhitney, RankBound};
use siskin::judge::classical::sample_size::SampleSize;
use siskin::judge::classical::two_proportions::TwoProportions;
use siskin::judge::classical::welch::welch;
use siskin::judge::classical::{
    Alternative, Bounds, chi_squared, cuped, distribution, fisher, multiple, poisson_rates, proportion,
};

use crate::values::{Values, each, number, numbers, text};

const ALTERNATIVES: [(&str, Alternative); 3] =
    [("two-sided", Alternative::TwoSided), ("greater", Alternative::Greater), ("less", Alternative::Less)];

pub(crate) fn part(name: &str, content: &Value, values: &mut Values) -> bool {
    match name {
        "special" => each(content, values, special),
        "mann_whitney" => each(content, values, mann_whitney),
        "welch_t" => each(content, values, welch_t),
        "two_proportions" => each(content, values, two_proportions),
        "chi2_gof" => each(content, values, goodness_of_fit),
        "sum_poisson_conditional" => each(content, values, poisson),
        "ks_two_sample" => each(content, values, kolmogorov_smirnov),
        "beta_binomial" => each(content, values, beta_binomial),
        "prob_best" => each(content, values, best_arm),
        "sample_size_two_proportions" => each(content, values, sample_size),
        "bh_holm" => {
            let p_values = numbers(&content["p"]);
            values.same_all(&numbers(&content["bh_adj"]), &multiple::benjamini_hochberg(&p_values));
            values.same_all(&numbers(&content["holm_adj"]), &multiple::holm(&p_values));
        }
        "cuped" => pre_period(content, values),
        _ => return false,
    }
    true
}

fn special(case: &Value, values: &mut Values) {
    let field = |name| number(case, name);
    let x = field("x");
    values.place = format!("special {case}");
    let found = match text(case, "f") {
        "lgamma" => distribution::ln_gamma(x),
        "norm_cdf" => distribution::normal_cdf(x),
        "log_norm_cdf" => distribution::ln_normal_cdf(x),
        "norm_ppf" => distribution::normal_quantile(x),
        "t_ppf" => distribution::student_quantile(x, field("nu")),
        "t_sf" => distribution::student_upper(x, field("nu")),
        "chi2_sf" => distribution::chi_squared_upper(x, field("k")),
        "beta_inc" => distribution::beta_cdf(x, field("a"), field("b")),
        other => panic!("{other:?} is no function that the judge has"),
    };
    values.same(field("y"), found);
}

fn mann_whitney(case: &Value, values: &mut Values) {
    let test = MannWhitney::new(&numbers(&case["x"]), &numbers(&case["y"])).expect("two samples");
    values.same(number(case, "u1"), test.u());
    for (name, alternative) in ALTERNATIVES {
        values.place = format!("mann_whitney, U = {}, {name}", test.u());
        values.same(number(case, &format!("p_asym_{name}_cc")), test.p_asymptotic(alternative, true));
        values.same(number(case, &format!("p_asym_{name}_nocc")), test.p_asymptotic(alternative, false));
        let exact = case.get(format!("p_exact_{name}")).unwrap_or(&Value::Null);
        values.same_option(exact, test.p_exact(alternative));
    }
    values.same(number(case, "hl"), test.shift());
    for (name, bound) in [("exact", RankBound::Exact), ("asym", RankBound::Asymptotic)] {
        values.place = format!("mann_whitney, U = {}, interval {name}", test.u());
        let shift = test.shift_interval(number(case, "conf"), bound);
        values.same(number(case, &format!("hl_{name}_k")), shift.rank as f64);
        interval(&case[format!("hl_ci_{name}")], shift.bounds, values);
    }
}

fn welch_t(case: &Value, values: &mut Values) {
    let found = welch(&numbers(&case["x"]), &numbers(&case["y"]), number(case, "conf")).expect("two samples that vary");
    values.same(number(case, "t"), found.t);
    values.same(number(case, "df"), found.degrees);
    values.same(number(case, "p_two"), found.p_different);
    values.same(number(case, "p_greater"), found.p_greater);
    interval(&case["ci"], found.interval, values);
}

fn two_proportions(case: &Value, values: &mut Values) {
    let field = |name: &str| number(case, name);
    let table = TwoProportions {
        first_events: field("x1"),
        first_trials: field("n1"),
        second_events: field("x2"),
        second_trials: field("n2"),
    };
    let confidence = field("conf");
    let place = format!("two_proportions {table:?}");
    values.place = format!("{place}, z test");
    values.same(field("z_pooled"), table.pooled_z());
    values.same(field("p_pooled_two"), table.p_different());
    values.same(field("p_pooled_larger"), table.p_larger());
    let arms = [(table.first_events, table.first_trials), (table.second_events, table.second_trials)];
    for (name, bounds) in [
        ("ci_newcombe", table.newcombe(confidence)),
        ("ci_agresti_caffo", table.agresti_caffo(confidence)),
        ("ci_wald", table.wald(confidence)),
        ("ci_ratio_log", table.log_ratio(confidence)),
        ("wilson_1", proportion::wilson(arms[0].0, arms[0].1, confidence)),
        ("wilson_2", proportion::wilson(arms[1].0, arms[1].1, confidence)),
        ("clopper_pearson_1", proportion::clopper_pearson(arms[0].0, arms[0].1, confidence)),
        ("clopper_pearson_2", proportion::clopper_pearson(arms[1].0, arms[1].1, confidence)),
    ] {
        values.place = format!("{place}, {name}");
        interval(&case[name], bounds, values);
    }
    for (name, alternative) in ALTERNATIVES {
        values.place = format!("{place}, Fisher {name}");
        values.same(field(&format!("fisher_{name}")), fisher::p_value(&table, alternative));
    }
    for (name, yates) in [("chi2_yates", true), ("chi2_plain", false)] {
        values.place = format!("{place}, {name}");
        let found = chi_squared::two_by_two(&table, yates);
        interval(&case[name], (found.statistic, found.p), values);
    }
}

fn goodness_of_fit(case: &Value, values: &mut Values) {
    let found = chi_squared::goodness_of_fit(&numbers(&case["obs"]), &numbers(&case["p0"]));
    values.same(number(case, "stat"), found.statistic);
    values.same(number(case, "p"), found.p);
}

fn poisson(case: &Value, values: &mut Values) {
    let [first, first_exposure, second, second_exposure] = ["x1", "e1", "x2", "e2"].map(|name| number(case, name));
    let found = poisson_rates::compare(first, first_exposure, second, second_exposure);
    values.same(number(case, "p_greater"), found.p_greater);
    values.same(number(case, "p_two"), found.p_different);
}

fn kolmogorov_smirnov(case: &Value, values: &mut Values) {
    let test = KolmogorovSmirnov::new(&numbers(&case["x"]), &numbers(&case["y"])).expect("two samples");
    for (name, alternative) in ALTERNATIVES {
        values.place = format!("ks_two_sample, {name}");
        values.same(number(case, &format!("d_{name}")), test.distance(alternative));
        values.same(number(case, &format!("p_exact_{name}")), test.p_exact(alternative));
    }
    values.place = String::from("ks_two_sample, asymptotic");
    values.same(number(case, "p_asymp_two"), test.p_asymptotic());
    values.same(number(case, "p_kolmogorov_limit"), test.p_limit());
}

fn beta_binomial(case: &Value, values: &mut Values) {
    let field = |name| number(case, name);
    let prior = pair(&case["prior"]);
    let a = Posterior::new(field("xA"), field("nA"), prior);
    let b = Posterior::new(field("xB"), field("nB"), prior);
    values.same(field("p_b_gt_a"), chance_to_be_best(&[a, b])[1]);
    values.same(field("loss_choose_b"), expected_loss(&b, &a));
    values.same(field("loss_choose_a"), expected_loss(&a, &b));
    values.same(field("mean_a"), a.mean());
    values.same(field("mean_b"), b.mean());
}

fn best_arm(case: &Value, values: &mut Values) {
    let prior = pair(&case["prior"]);
    let arms: Vec<Posterior> = case["arms"]
        .as_array()
        .expect("arms")
        .iter()
        .map(|arm| {
            let (events, trials) = pair(arm);
            Posterior::new(events, trials, prior)
        })
        .collect();
    let chances = chance_to_be_best(&arms);
    values.same_all(&numbers(&case["p_best"]), &chances);
    values.same(number(case, "sum"), chances.iter().sum());
}

fn sample_size(case: &Value, values: &mut Values) {
    let field = |name| number(case, name);
    let plan = SampleSize {
        first: field("p1"),
        second: field("p2"),
        level: field("alpha"),
        power: field("power"),
        second_per_first: field("ratio_n2_over_n1"),
        two_sided: case["two_sided"] == Value::Bool(true),
    };
    values.same(field("n1"), plan.first_sample());
    values.same(field("n1_ceil"), plan.first_sample().ceil());
    values.same(field("cohen_h"), plan.effect_size());
    values.same(field("n1_cohen_h"), plan.first_sample_by_effect_size());
}

fn pre_period(case: &Value, values: &mut Values) {
    let (goal, treated) = (numbers(&case["y"]), numbers(&case["treated"]));
    let found = cuped::adjust(&goal, &numbers(&case["x"])).expect("values that vary");
    values.same(number(case, "theta"), found.theta);
    values.same_all(&numbers(&case["adjusted"]), &found.adjusted);
    values.same(number(case, "diff_raw"), treatment_effect(&goal, &treated));
    values.same(number(case, "diff_adj"), treatment_effect(&found.adjusted, &treated));
    values.same(number(case, "var_ratio"), found.variance_ratio);
    values.same(number(case, "one_minus_corr2"), found.variance_ratio);
}

fn treatment_effect(goal: &[f64], treated: &[f64]) -> f64 {
    let mean = |wanted: bool| {
        let of_arm: Vec<f64> = goal
            .iter()
            .zip(treated)
            .filter(|(_, treated)| (**treated > 0.5) == wanted)
            .map(|(value, _)| *value)
            .collect();
        of_arm.iter().sum::<f64>() / of_arm.len() as f64
    };
    mean(true) - mean(false)
}

/// A bound that is not defined is null in the file, and no number here.
fn interval(expected: &Value, found: Bounds, values: &mut Values) {
    for (index, found) in [found.0, found.1].into_iter().enumerate() {
        values.same_option(&expected[index], (!found.is_nan()).then_some(found));
    }
}

fn pair(value: &Value) -> (f64, f64) {
    match numbers(value).as_slice() {
        &[first, second] => (first, second),
        other => panic!("two numbers, not {other:?}"),
    }
}
