// Each format of text: what is a document, where it lies, and each row of corpus.md C15 that concerns it.
#include <sys/resource.h>

#include <tuple>

#include "tests/verify/corpus/corpus_files.h"

namespace verdigris::verify {
namespace {

std::string WarcRecord(std::string_view type, std::string_view content_type, std::string_view block, std::string_view more = "") {
  return "WARC/1.0\r\nWARC-Type: " + std::string(type) + "\r\nWARC-Target-URI: http://example.org/a\r\nWARC-Record-ID: <urn:uuid:1>\r\n" + std::string(more) +
         "Content-Type: " + std::string(content_type) + "\r\nContent-Length: " + std::to_string(block.size()) + "\r\n\r\n" + std::string(block) + "\r\n\r\n";
}

ReadOptions Small() {
  ReadOptions options;
  options.max_record_bytes = 1000;
  return options;
}

}  // namespace

TEST_CASE("text: the file is the document") {
  const TemporaryFolder folder;
  const Pass pass = ReadBytes(folder, "a.txt", "one\ntwo\r\n\xFF");
  CHECK(pass.records == std::vector<Seen>{{0, 0, "one\ntwo\r\n\xFF", "", ""}});
  CHECK(pass.last == 0);
  CHECK(Contents(ReadBytes(folder, "b.md", "")) == Strings{""});
  CHECK(Contents(ReadBytes(folder, "c.txt", std::string(1000, 'a'), Small())) == Strings{std::string(1000, 'a')});
  CHECK(Contents(ReadBytes(folder, "d.txt", std::string(1001, 'a'), Small())) == Strings{"<too_long>"});
  CHECK(Contents(ReadBytes(folder, "e.txt", Gzip(std::string(3000000, 'a')), Small())) == Strings{"<too_long>"});
  const Pass cut = ReadBytes(folder, "f.txt", Gzip("some text").substr(0, 20));
  CHECK(cut.records.empty());
  CHECK(cut.broken == "corrupt");
  CHECK(cut.last == 0);
}

TEST_CASE("lines: without their ends; empty ones are none") {
  const TemporaryFolder folder;
  const std::string bytes = "a\r\n\n\r\nb c\nd\re\n\r\r\nlast";
  const Pass pass = ReadBytes(folder, "x", bytes, {}, Format::kLines);
  CHECK(pass.records == std::vector<Seen>{{0, 0, "a", "", ""}, {0, 6, "b c", "", ""}, {0, 10, "d\re", "", ""}, {0, 14, "\r", "", ""}, {0, 17, "last", "", ""}});
  CHECK(ReadBytes(folder, "y", "", {}, Format::kLines).last == 0);
  const std::string longest(1000, 'a');
  CHECK(Contents(ReadBytes(folder, "z", longest + "\r\n" + longest + "b\nc\n" + longest + "bb\r\n" + std::string(2000000, 'd') + "\ne\n" + std::string(3000, 'f'), Small(),
                           Format::kLines)) == Strings{longest, "<too_long>", "c", "<too_long>", "<too_long>", "e", "<too_long>"});
}

TEST_CASE("texts where ids are asked for are records without them, which nobody tokenizes") {
  const TemporaryFolder folder;
  ReadOptions ids;
  ids.ids_field = "ids";
  CHECK(Contents(ReadBytes(folder, "a.txt", "1 2 3", ids)) == Strings{"<no_text>"});
  CHECK(Contents(ReadBytes(folder, "b", "1\n\n2\n", ids, Format::kLines)) == Strings{"<no_text>", "<no_text>"});
  CHECK(Contents(ReadBytes(folder, "c.warc", WarcRecord("conversion", "text/plain", "[1]"), ids)) == Strings{"<no_text>"});
}

TEST_CASE("jsonl: texts, names, groups, and what fails") {
  const TemporaryFolder folder;
  ReadOptions options;
  options.group_field = "/meta/url";
  const std::string bytes =
      "\xEF\xBB\xBF{\"text\":\"a\",\"id\":\"n1\",\"meta\":{\"url\":\"http:\\/\\/x.org\"}}\n"
      "\n"
      "  \r\n"
      "{\"text\":\"b\\u00e9\",\"id\":17}\r\n"
      "{\"text\":1}\n{}\n[]\n"
      "{\"text\":\"a\",\"text\":\"b\"}\n"
      "{\"text\":\"a\"\n"
      "{\"text\":\"\\ud800 \xFF\"}\n"
      "{\"n\":123456789012345678901234567890,\"m\":1e999,\"text\":\"wide\"}";
  const Pass pass = ReadBytes(folder, "x.jsonl", bytes, options);
  CHECK(Contents(pass) == Strings{"a", "b\xC3\xA9", "<no_text>", "<no_text>", "<no_text>", "<duplicate_key>", "<json>", "\xED\xA0\x80 \xFF", "wide"});
  CHECK(pass.records[0].name == "n1");
  CHECK(pass.records[0].group == "http://x.org");
  CHECK(pass.records[1].name == "17");
  CHECK(pass.records[1].offset == bytes.find("{\"text\":\"b"));
  CHECK(pass.broken == "");
  // 100 MB in one line, among others.
  const Pass wide = ReadBytes(folder, "y.ndjson", "{\"text\":\"a\"}\n{\"text\":\"" + std::string(100'000'000, 'x') + "\"}\n{\"text\":\"b\"}\n");
  CHECK(Contents(wide) == Strings{"a", "<too_long>", "b"});

  ReadOptions ids;
  ids.ids_field = "ids";
  CHECK(Contents(ReadBytes(folder, "z.jsonl", "{\"ids\":[1,2,3]}\n{\"ids\":[]}\n{\"ids\":[16777216]}\n{\"ids\":[-1]}\n{\"ids\":\"1\"}\n{\"text\":\"a\"}\n", ids)) ==
        Strings{"1 2 3", "", "<id_out_of_range>", "<id_out_of_range>", "<no_text>", "<no_text>"});
}

TEST_CASE("csv and tsv: quoting of RFC 4180") {
  const TemporaryFolder folder;
  ReadOptions options;
  options.group_field = "url";
  const std::string bytes =
      "\xEF\xBB\xBFid,text,url\r\n"
      "1,plain,u\r\n"
      "2,\"quoted, with \"\"quotes\"\"\r\nand lines\",\"v\"\n"
      "\n\r\n"
      "3,a \"word\" in it,\n"
      "4,\"\",\n"
      "5,ragged\n"
      "6,too,many,fields\n"
      "7,\"junk\"after,u\n"
      "8,\xFF\xC3,u\n"
      "9,last,u";
  const Pass pass = ReadBytes(folder, "x.csv", bytes, options);
  CHECK(Contents(pass) ==
        Strings{"plain", "quoted, with \"quotes\"\r\nand lines", "a \"word\" in it", "", "<csv>", "<csv>", "<csv>", "\xFF\xC3", "last"});
  CHECK(pass.records[0].name == "1");
  CHECK(pass.records[1].group == "v");
  CHECK(pass.records[1].offset == bytes.find("2,\"quoted"));
  CHECK(Contents(ReadBytes(folder, "y.tsv", "text\tid\na,b\t1\n\"c\td\"\t2\n\"open\t3\n")) == Strings{"a,b", "c\td", "<csv>"});
  ReadOptions numbered;
  numbered.header = false;
  numbered.text_field = "1";
  CHECK(Contents(ReadBytes(folder, "z.csv", "a,b\nc,d\ne\n", numbered)) == Strings{"b", "d", "<csv>"});
  numbered.text_field = "text";
  CHECK(!OpenReader(ListOne(folder.Write("z.csv", "a,b\n"), numbered), numbered, 0, 1));
  CHECK(Contents(ReadBytes(folder, "a.csv", "text,text\na,b\n")) == Strings{"<duplicate_key>"});
  CHECK(Contents(ReadBytes(folder, "b.csv", "title\na\n")) == Strings{"<no_text>"});
  CHECK(Contents(ReadBytes(folder, "c.csv", "")) == Strings{});
  CHECK(Contents(ReadBytes(folder, "d.csv", "text")) == Strings{});
  // 4,096 columns are read, 4,097 are not.
  auto row = [](size_t columns, const std::string& first) { return first + std::string(columns - 1, ',') + "\n"; };
  CHECK(Contents(ReadBytes(folder, "e.csv", row(4096, "text") + row(4096, "a") + row(4097, "b"))) == Strings{"a", "<csv>"});
  const Pass wide = ReadBytes(folder, "f.csv", row(4097, "text") + row(4097, "a"));
  CHECK(wide.records.empty());
  CHECK(wide.broken == "csv");
  CHECK(wide.last == 0);
  const std::string longest(991, 'a');
  CHECK(Contents(ReadBytes(folder, "g.csv", "id,text\n1,\"" + longest + "aaaaa\"\r\n2," + longest + std::string(8, 'b') + "\n3,\"" + std::string(3000000, 'c') + "\n\"\n4,d\n", Small())) ==
        Strings{longest + "aaaaa", "<too_long>", "<too_long>", "d"});
  CHECK(Contents(ReadBytes(folder, "h.csv", "text\n\"" + std::string(3000000, 'c'), Small())) == Strings{"<csv>"});
  ReadOptions ids;
  ids.ids_field = "ids";
  CHECK(Contents(ReadBytes(folder, "i.csv", "ids\n\"[1, 2]\"\n[3]\nx\n[-1]\n", ids)) == Strings{"1 2", "3", "<no_text>", "<id_out_of_range>"});
}

TEST_CASE("warc: which records are documents") {
  const TemporaryFolder folder;
  const std::string http = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
  const std::string records = WarcRecord("warcinfo", "application/warc-fields", "a: b\r\n") + WarcRecord("conversion", "text/plain", "one\r\n\r\ntwo") +
                              WarcRecord("resource", "text/plain", "three") + WarcRecord("resource", "image/png", "\x89PNG") +
                              WarcRecord("response", "application/http; msgtype=response", http + "four") +
                              WarcRecord("response", "application/http", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nhtml") +
                              WarcRecord("response", "application/http", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\nxx") +
                              WarcRecord("request", "application/http", "GET / HTTP/1.1\r\n\r\n") + WarcRecord("conversion", "text/plain", "");
  const Strings wanted{"<not_text>", "one\r\n\r\ntwo", "three", "<not_text>", "four", "<not_text>", "<not_text>", "<not_text>", ""};
  const Pass pass = ReadBytes(folder, "no-extension", records);
  CHECK(Contents(pass) == wanted);
  CHECK(pass.records[1].name == "<urn:uuid:1>");
  CHECK(pass.records[1].group == "http://example.org/a");
  CHECK(Contents(ReadBytes(folder, "x.gz", Gzip(records))) == wanted);
  CHECK(Contents(ReadBytes(folder, "x.zst", Zstd(records))) == wanted);
  // Lines that end with LF alone, and field names in any case.
  CHECK(Contents(ReadBytes(folder, "lf", "WARC/1.1\nwarc-type:conversion\nCONTENT-LENGTH: 3\n\nabc\n\nWARC/1.1\nWARC-Type: conversion\nContent-Length: 1\n\nd")) ==
        Strings{"abc", "d"});
}

TEST_CASE("warc: records that are not sound, in members of gzip and without") {
  const TemporaryFolder folder;
  const std::string good = WarcRecord("conversion", "text/plain", "good"), other = WarcRecord("conversion", "text/plain", "other");
  auto with_length = [](std::string_view length) { return "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: " + std::string(length) + "\r\n\r\nabc\r\n\r\n"; };
  const std::string long_head = "WARC/1.0\r\nWARC-Type: conversion\r\nX: " + std::string(70000, 'x') + "\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n";
  for (const std::string& bad : {with_length("99999999999"), with_length("18446744073709551615"), with_length("99999999999999999999999"), with_length("-1"),
                                 with_length("4x"), with_length("1"), with_length("40"), long_head, std::string("garbage"), std::string("WARC/1.0\r\n"),
                                 std::string("WARC/1.0\r\nWARC-Type: conversion\r\n\r\n"), std::string("WARC/1.0\r\nContent-Length: 0\r\n\r\n"),
                                 std::string("WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd\r\n\r\n")}) {
    CAPTURE(bad.substr(0, 120));
    const bool short_length = bad == with_length("1");  // the rest of the block is then no record
    const Pass gzip = ReadBytes(folder, "a.gz", Gzip(good) + Gzip(bad) + Gzip(other) + Gzip(good));
    CHECK(Contents(gzip) == (short_length ? Strings{"good", "a", "<warc>", "other", "good"} : Strings{"good", "<warc>", "other", "good"}));
    CHECK(gzip.broken == "");
    const Pass plain = ReadBytes(folder, "a", good + bad);
    CHECK(Contents(plain) == (short_length ? Strings{"good", "a"} : Strings{"good"}));
    CHECK(plain.broken == "warc");
    const Pass last = ReadBytes(folder, "b.gz", Gzip(good) + Gzip(bad));
    CHECK(Contents(last) == Contents(plain));
    CHECK(last.broken == "warc");
  }
  CHECK(Contents(ReadBytes(folder, "c", WarcRecord("conversion", "text/plain", std::string(1000, 'a')) + WarcRecord("conversion", "text/plain", std::string(1001, 'a')) +
                                            WarcRecord("warcinfo", "x", std::string(3000000, 'b')) + good,
                           Small())) == Strings{std::string(1000, 'a'), "<too_long>", "<not_text>", "good"});
  // A record may lie in several members that were cut anywhere, as by bgzip.
  const std::string whole = good + other;
  CHECK(Contents(ReadBytes(folder, "d.gz", Gzip(whole.substr(0, 50)) + Gzip(whole.substr(50, 200)) + Gzip(whole.substr(250)))) == Strings{"good", "other"});
}

TEST_CASE("memory follows the longest record that is allowed, not the file") {
  const TemporaryFolder folder;
  ReadOptions options;
  options.max_record_bytes = 1 << 20;
  const std::string piece(1 << 20, 'x');
  for (const auto& [name, before, after] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"x.jsonl", "{\"text\":\"", "\"}\n{\"text\":\"a\"}\n"}, {"x.csv", "text\n\"", "\"\na\n"}, {"x.txt", "", ""},
           {"x.warc", "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 104857600\r\n\r\n", "\r\n\r\n"}}) {
    CAPTURE(name);
    const std::string path = (folder / name);
    {
      std::ofstream file(path, std::ios::binary);
      file << before;
      for (int i = 0; i < 100; ++i) file << piece;
      file << after;
    }
    rusage first{}, second{};
    const Input input = ListOne(path, options);
    getrusage(RUSAGE_SELF, &first);
    const Pass pass = Read(input, options);
    getrusage(RUSAGE_SELF, &second);
    CHECK(pass.records.at(0).content == "<too_long>");
    CHECK(second.ru_maxrss - first.ru_maxrss < 8 << 10);  // KiB
    std::filesystem::remove(path);
  }
}

TEST_CASE("documents before damage count, and every reader is broken at the same record") {
  const TemporaryFolder folder;
  std::string lines;
  std::mt19937 random(5);
  for (int i = 0; i < 60000; ++i) lines += "{\"text\":\"document " + std::to_string(random()) + "\"}\n";
  ReadOptions options;
  options.unit_bytes = 100000;
  for (const std::string& file : {Gzip(lines), Zstd(lines)}) {
    const Input input = ListOne(folder.Write("x.jsonl", file.substr(0, file.size() * 2 / 3)), options);
    const Pass whole = Read(input, options);
    CHECK(whole.broken == "corrupt");
    CHECK(whole.records.size() > 10000);
    REQUIRE(whole.last.has_value());
    size_t records = 0;
    for (uint64_t segment = 0; segment <= *whole.last; ++segment) {
      const Pass one = Read(input, options, segment, segment + 1);
      records += one.records.size();
      CHECK(one.broken == (segment == *whole.last ? "corrupt" : ""));
      CHECK(one.last == (segment == *whole.last ? whole.last : std::nullopt));
    }
    CHECK(records == whole.records.size());
  }
}

}  // namespace verdigris::verify
