//! Instructions, weather reports and letters.

use super::grammar::{Writer, spelled};
use super::story_rows::{DISHES, GARDENS};

/// task | need | five steps | how to see that it is done
const TASKS: &[&str] = &[
    "bake a simple loaf|flour, water, salt and yeast|mix everything in a large bowl until no dry flour is left|cover the bowl and let it rest for an hour|fold the dough a few times with wet hands|let it rise in its tin until it reaches the rim|bake it for forty minutes in a hot oven|it sounds hollow when you knock on it",
    "sow beans|seeds, a stick and a watering can|wait until the last frost is over|make a hole as deep as your thumb|drop in two seeds and close the hole|water the bed gently every other day|put a pole beside each plant as soon as it has four leaves|the first shoots lift the earth after about ten days",
    "oil a squeaking hinge|a rag, a nail, a hammer and some oil|hold the door so that it cannot fall|push the pin out from below with the nail|wipe the pin and the hinge clean|put three drops of oil on the pin|tap it back in and swing the door a few times|the door moves without a sound",
    "mend a flat tyre|two tyre levers, a patch, glue and a pump|take the wheel out and lift the tyre over the rim|pump up the tube and hold it under water|mark the place where the bubbles come from|roughen it, spread the glue, wait until it is dry, and press the patch on|put everything back and pump it up|the tyre is still hard on the next morning",
    "measure a program|a clock, a quiet machine and some patience|close everything else that is running|run the program once without looking at the clock|run it ten times and write down every time|look at the middle value and at how far the others are away from it|change one thing and do it all again|the difference is larger than the scatter",
    "train a small model|a text, a tokenizer and an hour|hold back a tenth of the text for testing|choose a small model and a modest learning rate|look at the loss after the first hundred steps|save a checkpoint now and then|stop when the loss on the held-out text no longer falls|the model writes sentences that you have not read before",
    "clean a fan|a screwdriver, a brush and a vacuum cleaner|pull the plug and wait until nothing turns|open the cover and put the screws into a cup|hold the blades still with one finger|brush the dust off and catch it with the vacuum cleaner|close the cover and count the screws|air comes out cool and quietly",
    "make compost|leaves, peels, twigs and a shady corner|lay down a hand of twigs so that air can enter from below|add green and brown things in turn|sprinkle water over it when it looks dry|turn the heap once a month with a fork|keep cooked food and glossy paper away from it|it smells like a forest after rain",
    "read a weather map|a map, a pencil and a window|look for the places where the lines lie close together|remember that strong winds blow there|find the low pressure and see in which direction it moves|mark where it will be tomorrow|look out of the window before you believe it|your guess is right more often than that of your neighbour",
    "find a leak|chalk, a dry cloth and a torch|close all the taps and look at the water meter|wait for an hour and look again|dry every pipe with the cloth|draw a line of chalk below each joint|come back later with the torch|one of the lines is wet",
    "restore a checkpoint|the newest checkpoint and the one before it|stop the run completely|compare the checksum of the newest file|if it is wrong, take the file before it|load the weights, the optimiser and the seed|run one step and compare its loss with the old log|the two numbers agree to the last digit",
    "cook rice|one cup of rice, two cups of water and a lid|wash the rice until the water is clear|bring it to the boil with a little salt|turn the heat down as low as it goes and put on the lid|wait for fifteen minutes without lifting the lid|take the pot off the stove and let it rest for five more|there are little holes in the surface and no water below",
];

/// How to do something in five steps.
pub fn how_to(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    writer.bind_row(&["task", "need", "s1", "s2", "s3", "s4", "s5", "done"], TASKS);
    let title = writer.say(&["How to {task}", "{hero} shows how to {task}"]);
    let first = writer.paragraph(&[&[
        "you need {need}.",
        "before you begin, get these things ready: {need}.",
        "anyone can learn to {task}. All that is needed is this: {need}.",
    ]]);
    let steps = writer.paragraph(&[
        &["first, {s1}.", "begin like this: {s1}."],
        &["then {s2}.", "after that, {s2}."],
        &["next, {s3}.", "when this is done, {s3}."],
        &["now {s4}.", "then comes the important part: {s4}."],
        &["finally, {s5}.", "in the end, {s5}."],
    ]);
    let last = writer.paragraph(&[
        &["you know that it has worked when {done}.", "it is done when {done}.", "how can you tell? {Done}."],
        &[
            "{hero} always adds: \"{Saying}.\"",
            "and do not hurry.",
            "if it fails, try again more slowly.",
            "after that, rest and drink some {drink}.",
        ],
    ]);
    title + "\n\n" + &first + &steps + &last
}

/// A report whose advice follows from its numbers.
pub fn forecast(writer: &mut Writer) -> String {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    writer.begin();
    writer.cast();
    let first_day = writer.number(0, 6) as usize;
    let season = writer.number(0, 3);
    let mut text =
        writer.say(&["The weather in {town}", "Three days in {town}", "A forecast for {town}"]) + "\n\n";
    let mut low = writer.number([0, 8, 14, 5][season as usize], [3, 13, 19, 10][season as usize]);
    for day in DAYS.iter().cycle().skip(first_day).take(3) {
        let (high, wind) = (low + writer.number(4, 9), writer.number(1, 9) * 8);
        writer.bind("day", *day);
        writer.bind("low", spelled(u64::from(low)));
        writer.bind("high", spelled(u64::from(high)));
        writer.bind("wind", spelled(u64::from(wind)));
        let sky: &[&str] = match writer.number(0, 3) {
            0 => &["the day will be sunny from morning to evening. {hat}.", "no cloud will be seen. {hat}."],
            1 => &[
                "clouds come in at noon but keep their water. Bread can be baked and laundry can be dried.",
                "it stays grey and dry. It is a good day for work in the garden.",
            ],
            _ if low < 2 => &[
                "snow is falling by the evening. Drive slowly and take a shovel along.",
                "the rain turns to snow in the night. Bring the flower pots inside.",
            ],
            _ => &[
                "rain begins in the afternoon. Take an umbrella, and let the garden drink.",
                "showers pass in the morning. Nobody has to water the beans.",
            ],
        };
        writer.bind(
            "hat",
            if high > 20 {
                "Wear a hat and drink enough water"
            } else {
                "Open the windows and let the light in"
            },
        );
        let gusts: &[&str] = if wind >= 56 {
            &[
                "the wind reaches {wind} kilometres an hour, so tie down what can fly.",
                "with {wind} kilometres an hour the wind is strong. Boats should stay in the harbour.",
            ]
        } else {
            &[
                "the wind blows at {wind} kilometres an hour.",
                "there is a wind of {wind} kilometres an hour, which does no harm.",
            ]
        };
        text += &writer.paragraph(&[
            &[
                "on {day} it will be between {low} and {high} degrees.",
                "{day} begins at {low} degrees and reaches {high}.",
            ],
            sky,
            gusts,
        ]);
        low = (low + writer.number(0, 4)).saturating_sub(2);
    }
    text
}

/// A letter about a small success.
pub fn letter(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    let about_food = writer.chance(50);
    if about_food {
        writer.bind_row(&["dish", "one", "two", "three", "mishap", "remedy", "result"], DISHES);
    } else {
        writer.bind_row(&["plant", "trouble", "wrong", "sign", "cause", "remedy", "result"], GARDENS);
    }
    let news: [&[&str]; 3] = if about_food {
        [
            &[
                "yesterday I wanted to cook {dish}, and {mishap}.",
                "you asked about my cooking. Last week I made {dish}, and {mishap}.",
            ],
            &["in the end I {remedy}.", "I remembered your advice and {remedy}."],
            &["believe it or not, {result}.", "you will laugh: {result}."],
        ]
    } else {
        [
            &[
                "you asked about {plant}. I was worried, because {trouble}.",
                "there was trouble in the garden with {plant}: {trouble}.",
            ],
            &[
                "then I saw that {sign}. The reason was that {cause}, so I {remedy}.",
                "at first I thought that {wrong}, but {cause}. So I {remedy}.",
            ],
            &["now I can report that {result}.", "and what shall I say, {result}."],
        ]
    };
    let first = writer.paragraph(&[&[
        "thank you for your letter, which came with the {vehicle} this morning.",
        "it was late, {sky}, and at last I found the time to write to you.",
        "I am sitting at {a material} table in {town} and thinking of you.",
    ]]);
    let second = writer.paragraph(&news);
    let third = writer.paragraph(&[&[
        "come and visit me soon. There will be {drink} and {snack}.",
        "the {animal} sends its greetings. It is {trait}, as always.",
        "write to me about your machines, and about the weather in your part of the world.",
        "I have learnt one thing from it: {saying}.",
    ]]);
    writer.expand("A letter from {town}\n\nDear {friend},\n\n")
        + &first
        + &second
        + &third
        + &writer.expand("Yours, {hero}")
}
