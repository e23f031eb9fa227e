//! Worked examples. The numbers are drawn, and what is said about them is computed.

use super::grammar::{Writer, digits, first_upper, spelled};

/// On which side of the ridge point a job is.
pub fn ridge_point(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    let ridge = u64::from(writer.number(2, 12));
    let reads = u64::from(writer.number(2, 20)) * 5;
    let intensity = match writer.number(0, 2) {
        0 => ridge,
        1 => ridge + u64::from(writer.number(1, 9)),
        _ => u64::from(writer.number(1, ridge as u32 - 1)),
    };
    let computes = ridge * reads;
    // Seconds for a job that reads `reads` billion numbers ten times over: ten for the memory.
    let sums = intensity * reads * 10;
    let sides =
        [(true, "computing", "reading", intensity * 10, ridge), (false, "reading", "computing", 10, 1)];
    let (_, slow, fast, seconds, divisor) = if intensity > ridge { sides[0] } else { sides[1] };
    writer.bind("computes", digits(computes));
    writer.bind("reads", digits(reads));
    writer.bind("ridge", spelled(ridge));
    writer.bind("intensity", spelled(intensity));
    writer.bind("jobreads", digits(reads * 10));
    writer.bind("sums", digits(sums));
    let title =
        writer.say(&["A ridge point worked out", "{hero} works out a ridge point", "Sums and numbers"]);
    let first = writer.paragraph(&[
        &[
            "the machine of {hero} can do {computes} billion sums in a second and can read {reads} billion numbers in a second.",
            "{hero} has a machine that reads {reads} billion numbers in a second and does {computes} billion sums in the same time.",
        ],
        &[
            "{computes} divided by {reads} is {ridge}, so its ridge point is {ridge} sums per number.",
            "to find the ridge point, {hero} divides {computes} by {reads}. It is {ridge} sums per number.",
        ],
    ]);
    let job = writer.paragraph(&[
        &[
            "one day {friend} brings a job that reads {jobreads} billion numbers and does {sums} billion sums.",
            "now {friend} has a job for it: {jobreads} billion numbers are read, and {sums} billion sums are done.",
        ],
        &[
            "that makes {intensity} sums per number, because {sums} divided by {jobreads} is {intensity}.",
            "{hero} divides {sums} by {jobreads} and gets {intensity} sums per number.",
        ],
    ]);
    let verdict = if intensity == ridge {
        "That is exactly the ridge point. Reading takes ten seconds and computing takes ten seconds, and neither of them \
         has to wait for the other."
            .to_owned()
    } else {
        let side = if intensity > ridge { "more than" } else { "less than" };
        let time = in_seconds(seconds, divisor);
        let (reading, computing) = ("ten seconds".to_owned(), in_seconds(intensity * 10, ridge));
        let remedy = if intensity > ridge {
            "A faster processor would help, and faster memory would not."
        } else {
            "Faster memory would help, and a faster processor would not."
        };
        format!(
            "{} is {side} {}, so {slow} is the slower part. Reading takes {reading} and computing takes {computing}. If \
             both happen at the same time, the job takes {time}, and {fast} has to wait. {remedy}",
            first_upper(&spelled(intensity)),
            spelled(ridge)
        )
    };
    title + "\n\n" + &first + &job + &verdict + "\n"
}

/// `numerator` / `divisor` seconds, exactly or to a tenth.
fn in_seconds(numerator: u64, divisor: u64) -> String {
    let whole = numerator / divisor;
    let tenths = (numerator * 10 + divisor / 2) / divisor;
    let about = if (numerator * 10).is_multiple_of(divisor) { "" } else { "about " };
    match (tenths % 10, whole) {
        (0, _) if tenths == 10 => format!("{about}one second"),
        (0, _) => format!("{about}{} seconds", spelled(tenths / 10)),
        (tenth, whole) => format!("{about}{whole}.{tenth} seconds"),
    }
}

/// Whether a model fits.
pub fn memory(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    let weights = [1, 2, 3, 4, 6, 7, 8, 12][writer.number(0, 7) as usize];
    let memory = [4, 8, 12, 16, 24, 32, 48][writer.number(0, 6) as usize];
    writer.bind("weights", spelled(weights));
    writer.bind("noun", if weights == 1 { "billion weight" } else { "billion weights" });
    writer.bind("memory", spelled(memory));
    let title = writer.say(&["Does it fit?", "{hero} counts bytes", "A model and its memory"]);
    let mut text = title + "\n\n";
    text += &writer.paragraph(&[
        &[
            "{hero} wants to run a model of {weights} billion weights on a machine with {memory} gigabytes of memory.",
            "a machine has {memory} gigabytes of memory, and {hero} has a model of {weights} billion weights.",
        ],
        &["does it fit?", "{friend} asks whether that is enough.", "the question is whether it fits."],
    ]);
    let mut fitted = false;
    for (bits, bytes) in
        [("thirty-two bits", 4.0), ("sixteen bits", 2.0), ("eight bits", 1.0), ("four bits", 0.5)]
    {
        let tenths = (weights as f64 * bytes * 10.0) as u64;
        let size = if tenths.is_multiple_of(10) {
            let whole = tenths / 10;
            format!("{} {}", spelled(whole), if whole == 1 { "gigabyte" } else { "gigabytes" })
        } else {
            "half a gigabyte".to_owned()
        };
        let size = if tenths > 10 && !tenths.is_multiple_of(10) {
            format!("{}.{} gigabytes", tenths / 10, tenths % 10)
        } else {
            size
        };
        let fits = tenths <= memory * 10;
        writer.bind("bits", bits);
        writer.bind("bytes", size);
        text += &writer.paragraph(&[
            &[
                "with {bits} for each weight the model needs {bytes}.",
                "in {bits} the weights take {bytes}.",
                "if each weight is stored in {bits}, that makes {bytes}.",
            ],
            if fits {
                &["that fits into {memory}.", "that is not more than {memory}, so it fits."]
            } else {
                &[
                    "that is more than {memory}, so it does not fit.",
                    "{memory} gigabytes are not enough for that.",
                ]
            },
        ]);
        if fits {
            fitted = true;
            break;
        }
    }
    text += &if fitted {
        writer.paragraph(&[&[
            "{hero} knows that some memory is needed for other things too, and tries it out before promising anything.",
            "\"and now we measure how good the answers are,\" says {friend}.",
            "so {hero} need not buy a new machine today.",
        ]])
    } else {
        writer.paragraph(&[&[
            "so the model must be cut into parts that live on several machines, or {hero} takes a smaller one.",
            "\"then we take a smaller model,\" says {friend}, \"and see whether it is good enough.\"",
        ]])
    };
    text
}

/// How long a transfer takes.
pub fn network(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    let speed = [1, 2, 4, 5, 8, 10][writer.number(0, 5) as usize];
    let seconds = u64::from(writer.number(3, 40));
    let factor = u64::from(writer.number(2, 4));
    writer.bind("speed", spelled(speed));
    writer.bind("gigabytes", if speed == 1 { "gigabyte" } else { "gigabytes" });
    writer.bind("size", spelled(speed * seconds));
    writer.bind("seconds", spelled(seconds));
    writer.bind("factor", ["twice", "three times", "four times"][factor as usize - 2]);
    writer.bind("faster", in_seconds(seconds, factor));
    writer.bind("half", in_seconds(seconds, 2));
    let title = writer.say(&["Sending a model", "How long does it take?", "{hero} sends {size} gigabytes"]);
    let first = writer.paragraph(&[
        &[
            "{hero} has to send {size} gigabytes to {friend} over a cable that carries {speed} {gigabytes} in a second.",
            "a file of {size} gigabytes must travel from {hero} to {friend}, and the cable carries {speed} {gigabytes} in a second.",
        ],
        &["that takes {seconds} seconds.", "{size} divided by {speed} is {seconds}, so it takes {seconds} seconds."],
    ]);
    let second = writer.paragraph(&[
        &[
            "with a cable that is {factor} as fast, it would take {faster}.",
            "\"and with a cable that is {factor} as fast?\" asks {friend}. \"Then it takes {faster},\" says {hero}.",
        ],
        &[
            "if the file were stored in half as many bytes, it would take {half} over the old cable.",
            "instead, {hero} stores each number in half as many bits. Now it takes {half}, and nobody had to buy a cable.",
        ],
        &[
            "sending less is often cheaper than sending faster.",
            "the cheapest byte is the one that is not sent.",
            "\"{saying},\" says {friend}.",
        ],
    ]);
    title + "\n\n" + &first + &second
}

/// A recipe for more people.
pub fn recipe(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    let (people, factor) = (u64::from(writer.number(2, 4)), u64::from(writer.number(2, 5)));
    let flour = u64::from(writer.number(2, 6)) * 50;
    let (eggs, milk) = (u64::from(writer.number(2, 4)), u64::from(writer.number(2, 6)) * 50);
    for (slot, value) in [
        ("people", spelled(people)),
        ("guests", spelled(people * factor)),
        ("factor", spelled(factor)),
        ("times", if factor == 2 { "twice".to_owned() } else { spelled(factor) + " times" }),
        ("flour", digits(flour)),
        ("eggs", spelled(eggs)),
        ("milk", digits(milk)),
        ("bigflour", digits(flour * factor)),
        ("bigeggs", spelled(eggs * factor)),
        ("bigmilk", digits(milk * factor)),
    ] {
        writer.bind(slot, value);
    }
    let title = writer.say(&["Pancakes for {guests}", "{hero} expects {guests} guests", "A larger recipe"]);
    let first = writer.paragraph(&[
        &[
            "the recipe of {hero} is for {people} people: {flour} grams of flour, {eggs} eggs and {milk} millilitres of milk.",
            "for {people} people {hero} takes {flour} grams of flour, {eggs} eggs and {milk} millilitres of milk.",
        ],
        &["today {guests} people are coming.", "but {friend} has invited {guests} people."],
        &["{guests} is {times} as many as {people}.", "that is {times} as many."],
    ]);
    let second = writer.paragraph(&[
        &[
            "so {hero} takes {bigflour} grams of flour, {bigeggs} eggs and {bigmilk} millilitres of milk.",
            "everything is multiplied by {factor}: {bigflour} grams of flour, {bigeggs} eggs and {bigmilk} millilitres of milk.",
        ],
        &[
            "only the time in the pan stays the same for each pancake.",
            "the pan does not grow, though, so the cooking takes {times} as long, unless {friend} brings a second pan.",
            "\"with two pans we need only half the time,\" says {friend}, \"if you can watch two pans.\"",
        ],
    ]);
    title + "\n\n" + &first + &second
}
