#!/usr/bin/env python3
"""Turn the source texts into the tokenizer and the token arrays that train.py reads.

Second step of the pocket model. Sources: sampled stories (sample_stories.py), "Botchan", and WikiText-2 files.
WikiText is detokenised; an <unk> is taken out of a sentence that reads on without it, any other sentence with an
<unk> is dropped, so is one with an odd number of quotation marks. A document is one story, or up to about 1,800
characters of consecutive paragraphs from one section of a book or an article; paragraphs are joined by newlines.
Every fiftieth story, book part and article is held out for validation.

Writes WORK/tokenizer.model and WORK/corpus.npz. The latter holds for each of story, prose and each of train, valid:
ids (uint16, documents back to back, without BOS and EOS), ends (where each document ends) and bytes (UTF-8 length in
all).

    python make_corpus.py --stories WORK/stories.jsonl --botchan botchan.txt --wikitext valid.txt test.txt --work WORK
"""

import argparse
import io
import json
import os
import re

import numpy as np
import sentencepiece

DOCUMENT_CHARACTERS = 1800
HELD_OUT_EVERY, HELD_OUT = 50, 7
VOCABULARY = 4096


def read_stories(path):
    with open(path, encoding="utf-8") as f:
        stories = [json.loads(line) for line in f if line != "\n"]
    return [re.sub(r"\s*\n\s*", "\n", s) for s in stories if len(s) >= 200]


def group(paragraphs):
    documents, current = [], []
    for paragraph in paragraphs:
        if current and sum(map(len, current)) + len(paragraph) > DOCUMENT_CHARACTERS:
            documents.append("\n".join(current))
            current = []
        current.append(paragraph)
    return documents + (["\n".join(current)] if current else [])


def read_botchan(path):
    """Undoes the hard line breaks: a paragraph ends where the next word would still have fitted into the line."""
    with open(path, encoding="utf-8-sig") as f:
        text = f.read()
    text = text[text.index("\nCHAPTER I\n") : text.index("*** END OF THIS PROJECT GUTENBERG")]
    documents = []
    for chapter in re.split(r"\nCHAPTER [IVX]+\n", text):
        lines = [line.strip() for line in chapter.split("\n") if line.strip()]
        paragraphs, current = [], []
        for line, following in zip(lines, lines[1:] + [""]):
            current.append(line)
            if not following or len(line) + 1 + len(following.split()[0]) <= 70:
                paragraphs.append(" ".join(current))
                current = []
        documents += group(paragraphs)
    return [d for d in documents if len(d) >= 100]


def detokenise(sentence):
    s = re.sub(r" @([-,.])@ ", r"\1", sentence)
    parts = s.split('"')
    for i in range(1, len(parts), 2):
        parts[i] = '"' + parts[i].strip() + '"'
    s = "".join(parts)
    s = re.sub(r" ([,.;:!?%)\]])", r"\1", s)
    s = re.sub(r"([(\[]) ", r"\1", s)
    s = re.sub(r" '(s|t|m|d|ve|re|ll)\b", r"'\1", s)
    s = re.sub(r" ’ (s|t|m|d|ve|re|ll)\b", r"’\1", s)
    s = re.sub(r"s ' ", "s' ", s)
    s = re.sub(r"([$£€]) (?=\d)", r"\1", s)
    s = re.sub(r"(?<=\d) – (?=\d)", "–", s)
    return re.sub(r" +", " ", s).strip()


# Words after which a removed word would be missed: "the <unk> was", "<unk> and".
FUNCTION_WORDS = set("""
    a an and are as at be been before both but by can could did do does for from had has have he her him his
    if in into is it its may might not of on or over she should since so than that the their them then there
    these they this those to under until was were when where which while who will with within without would
    """.split())


def remove_unknown(sentence):
    """Takes <unk> out where the sentence reads on without it: before a noun or a name, or as one item of a list."""
    s = re.sub(r" \( <unk> \)", "", sentence)
    s = re.sub(r", (?:<unk> )+,", ",", s)
    words = s.split(" ")
    for i in range(len(words) - 2, -1, -1):
        following = words[i + 1]
        if (
            words[i] == "<unk>"
            and re.fullmatch(r"[A-Z][a-z]+|[a-z]{3,}", following)
            and following not in FUNCTION_WORDS
        ):
            del words[i]
    return " ".join(words)


def clean_paragraph(line):
    """Returns the paragraph as plain text, or an empty string when too little of it is left."""
    sentences = re.split(r"(?<= [.!?] )", line.strip() + " ")
    for i in range(len(sentences) - 1):
        if sentences[i].count('"') % 2 and sentences[i + 1].startswith('" '):
            sentences[i] += '" '
            sentences[i + 1] = sentences[i + 1][2:]
    sentences = [s if s.count("<unk>") > 2 else remove_unknown(s) for s in sentences]
    sentences = [s for s in sentences if "<unk>" not in s and s.count('"') % 2 == 0 and len(s.split()) >= 5]
    text = " ".join(detokenise(s) for s in sentences if re.match(r'[A-Z"(]', s) and re.search(r'[.!?][ ")]*$', s))
    return text if len(text.split()) >= 20 else ""


def read_wikitext(paths):
    """Returns a list of articles, each a list of documents."""
    articles = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            sections = [[]]
            for line in f:
                heading = re.fullmatch(r" (=(?: =)*) .* \1 ?\n", line)
                if heading:
                    if heading[1] == "=":
                        articles.append(sections)
                        sections = []
                    sections.append([])
                elif line.strip():
                    text = clean_paragraph(line)
                    if text:
                        sections[-1].append(text)
            articles.append(sections)
    documents = [[d for section in sections for d in group(section)] for sections in articles]
    return [article for article in documents if article]


def train_tokenizer(path, stories, prose):
    """Prose in full and about twice as many characters of story; newlines are left to the byte pieces."""
    size, lines = sum(map(len, prose)), []
    for document in prose:
        lines += document.split("\n")
    taken = 0
    for document in stories:
        if taken > 2 * size:
            break
        taken += len(document)
        lines += document.split("\n")
    model = io.BytesIO()  # a model_prefix would be stored in the file
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        character_coverage=0.9995,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        split_digits=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        max_sentence_length=1 << 20,
        num_threads=1,
        minloglevel=1,
    )
    with open(path, "wb") as f:
        f.write(model.getvalue())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--stories", required=True)
    p.add_argument("--botchan", required=True)
    p.add_argument("--wikitext", required=True, nargs="+")
    p.add_argument("--work", required=True, help="folder for tokenizer.model and corpus.npz")
    args = p.parse_args()

    stories = [[s] for s in read_stories(args.stories)]
    botchan = [[d] for d in read_botchan(args.botchan)]
    wikitext = read_wikitext(args.wikitext)
    split = {(kind, part): [] for kind in ("story", "prose") for part in ("train", "valid")}
    for kind, units in (("story", stories), ("prose", botchan), ("prose", wikitext)):
        for i, documents in enumerate(units):
            split[kind, "valid" if i % HELD_OUT_EVERY == HELD_OUT else "train"] += documents

    os.makedirs(args.work, exist_ok=True)
    path = os.path.join(args.work, "tokenizer.model")
    train_tokenizer(path, split["story", "train"], split["prose", "train"])
    sp = sentencepiece.SentencePieceProcessor(model_file=path)

    arrays = {}
    for (kind, part), documents in split.items():
        ids = sp.encode(documents)
        for document, row in list(zip(documents, ids))[:2000]:
            assert sp.decode(row) == document, document
        name = f"{kind}_{part}"
        arrays[name + "_ids"] = np.concatenate([np.array(row, dtype=np.uint16) for row in ids])
        arrays[name + "_ends"] = np.cumsum([len(row) for row in ids])
        arrays[name + "_bytes"] = np.array(sum(len(d.encode()) for d in documents))
        tokens, size = len(arrays[name + "_ids"]), int(arrays[name + "_bytes"])
        print(f"{name}: {len(documents)} documents, {tokens} tokens, {size} bytes, {size / tokens:.2f} bytes a token")
    np.savez(os.path.join(args.work, "corpus.npz"), **arrays)


if __name__ == "__main__":
    main()
