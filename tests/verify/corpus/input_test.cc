// Listing: paths, folders, patterns, links, what is skipped, names of every kind, formats and URIs.
#include "verify/corpus/input.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/verify/corpus/corpus_files.h"
#include "verify/corpus/glob.h"

namespace verdigris::verify {
namespace {

// URIs without the folder; failures as "uri: code".
Strings Names(const TemporaryFolder& folder, const Listed& listed) {
  Strings out;
  auto cut = [&](const std::string& uri) { return uri.starts_with((folder / "")) ? uri.substr((folder / "").size()) : uri; };
  for (const Input& input : listed.inputs) out.push_back(cut(input.uri));
  for (const InputFailure& failure : listed.failures) out.push_back(cut(failure.uri) + ": " + std::string(failure.code));
  return out;
}

}  // namespace

TEST_CASE("folders: recursive, by bytes, without names that begin with . or _") {
  const TemporaryFolder folder;
  for (const char* name : {"b.txt", "a/z.txt", "a/B.txt", "a/.hidden.txt", "a/_SUCCESS", ".git/x.txt", "_temporary/x.txt", "a-b.txt", "a/c/deep.txt"}) folder.Write(name, "x");
  CHECK(Names(folder, List({(folder / "")})) == Strings{"a/B.txt", "a/c/deep.txt", "a/z.txt", "a-b.txt", "b.txt"});
  CHECK(Names(folder, List({(folder / "a")})) == Strings{"a/B.txt", "a/c/deep.txt", "a/z.txt"});
  // What is named is taken, whatever its name; what is named twice is one input.
  CHECK(Names(folder, List({(folder / "a/.hidden.txt"), (folder / "a"), (folder / "a/z.txt")})) ==
        Strings{"a/.hidden.txt", "a/B.txt", "a/c/deep.txt", "a/z.txt"});
}

TEST_CASE("patterns") {
  const TemporaryFolder folder;
  for (const char* name : {"a.txt", "b.txt", "B.txt", "c.md", "d/a.txt", "d/e/a.txt", "d/_x/a.txt", "d/.y/a.txt", ".h.txt", "lit[1].txt"}) folder.Write(name, name);
  auto list = [&](const std::string& pattern) { return Names(folder, List({(folder / pattern)})); };
  CHECK(list("*.txt") == Strings{"B.txt", "a.txt", "b.txt", "lit[1].txt"});
  CHECK(list("[ab].txt") == Strings{"a.txt", "b.txt"});
  CHECK(list("?.md") == Strings{"c.md"});
  CHECK(list("**/a.txt") == Strings{"a.txt", "d/a.txt", "d/e/a.txt"});
  CHECK(list("**/**/a.txt") == Strings{"a.txt", "d/a.txt", "d/e/a.txt"});
  CHECK(list("d/**") == Strings{"d/a.txt", "d/e/a.txt"});
  CHECK(list("*/a.txt") == Strings{"d/a.txt"});
  CHECK(list("d*") == Strings{"d/a.txt", "d/e/a.txt"});
  CHECK(list("lit[1].txt") == Strings{"lit[1].txt"});  // a file of that name is no pattern
  CHECK(list("*.none") == Strings{"*.none: io"});
  CHECK(list(".h*") == Strings{".h.txt"});
  CHECK(IsPattern("a*") != IsPattern("a"));
}

TEST_CASE("links, pipes, sockets, loops and files that cannot be read") {
  const TemporaryFolder folder;
  folder.Write("d/a.txt", "x");
  folder.Write("other/b.txt", "y");
  REQUIRE(::symlink("../other/b.txt", (folder / "d/link.txt").c_str()) == 0);
  REQUIRE(::symlink("../other", (folder / "d/linked").c_str()) == 0);
  REQUIRE(::symlink(".", (folder / "d/loop").c_str()) == 0);
  REQUIRE(::symlink("self", (folder / "self").c_str()) == 0);
  REQUIRE(::link((folder / "d/a.txt").c_str(), (folder / "d/same.txt").c_str()) == 0);
  REQUIRE(::mkfifo((folder / "d/pipe").c_str(), 0600) == 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "d/socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  CHECK(Names(folder, List({(folder / "d")})) ==
        Strings{"d/a.txt", "d/link.txt: skipped", "d/linked: skipped", "d/loop: skipped", "d/pipe: skipped", "d/socket: skipped"});
  ::close(socket);
  CHECK(Names(folder, List({(folder / "d/link.txt"), (folder / "d/linked")})) == Strings{"d/link.txt"});
  CHECK(Names(folder, List({(folder / "d/linked")})) == Strings{"d/linked/b.txt"});
  CHECK(Names(folder, List({(folder / "self"), (folder / "absent.txt"), "/dev/null"})) == Strings{"self: skipped", "absent.txt: io", "/dev/null: skipped"});
  if (::geteuid() != 0) {
    REQUIRE(::chmod((folder / "d/a.txt").c_str(), 0) == 0);
    CHECK(Names(folder, List({(folder / "d/a.txt")})) == Strings{"d/a.txt: io"});
  }
  // A pipe that is named is read, once.
  ListOptions lines;
  CHECK(Names(folder, List({(folder / "d/pipe")})) == Strings{"d/pipe: unknown_format"});
  lines.format = Format::kLines;
  const Listed piped = List({(folder / "d/pipe")}, lines);
  REQUIRE(piped.inputs.size() == 1);
  CHECK(piped.inputs[0].size == -1);
  CHECK(!piped.inputs[0].seekable);
  std::thread writer([&] {
    std::ofstream pipe((folder / "d/pipe"), std::ios::binary);
    const std::string bytes = Gzip("one\ntwo\n");
    for (const char byte : bytes) pipe.put(byte).flush();
  });
  CHECK(Contents(Read(piped.inputs[0], {})) == Strings{"one", "two"});
  writer.join();
}

TEST_CASE("formats: asked, by content, by name, or unknown") {
  const TemporaryFolder folder;
  const std::string jsonl = "{\"text\":\"a\"}\n", warc = "WARC/1.0\r\n";
  auto format = [&](std::string_view name, std::string_view bytes) -> std::string {
    const Listed listed = List({folder.Write(name, bytes)});
    return listed.inputs.empty() ? "!" + std::string(listed.failures.at(0).code) : std::string(FormatName(listed.inputs[0].format));
  };
  CHECK(format("a.jsonl", jsonl) == "jsonl");
  CHECK(format("b.ndjson.zst", Zstd(jsonl)) == "jsonl");
  CHECK(format("c.jsonl.gz", Gzip(jsonl)) == "jsonl");
  CHECK(format("d.jsonl.zst", Gzip(jsonl)) == "!unknown_format");  // ".zst" is not what it is
  CHECK(format("e.jsonl", Gzip(jsonl)) == "jsonl");                // compression is told by content alone
  CHECK(format("f.txt", warc) == "warc");                          // content before name
  CHECK(format("g.wet.gz", Gzip(warc)) == "warc");
  CHECK(format("h.zst", Zstd(warc)) == "warc");
  CHECK(format("i", jsonl) == "!unknown_format");
  CHECK(format("j.json", jsonl) == "!unknown_format");
  CHECK(format("k.npy", "\1\0\2\0") == "!unknown_format");
  CHECK(List({(folder / "k.npy")}).failures[0].text.find("--format tokens") != std::string::npos);
  CHECK(format("l.csv", "") == "csv");
  CHECK(format("m.tsv", "a") == "tsv");
  CHECK(format("n.md", "a") == "text");
  CHECK(format("o", "") == "!unknown_format");
  ListOptions asked;
  asked.format = Format::kLines;
  CHECK(List({(folder / "f.txt")}, asked).inputs[0].format == Format::kLines);
  for (const char* name : {"text", "lines", "jsonl", "csv", "tsv", "parquet", "warc", "npy", "megatron", "tokens"}) CHECK(FormatName(*ParseFormat(name)) == name);
  CHECK(ParseFormat("wet") == Format::kWarc);
  CHECK(!ParseFormat("json"));
}

TEST_CASE("URIs: as given, relative to a base, bytes that are no UTF-8 written out") {
  const TemporaryFolder folder;
  folder.Write("d/a.txt", "1");
  folder.Write("d/new\nline\x1B[31m.txt", "2");
  folder.Write("d/caf\xC3\xA9.txt", "3");
  folder.Write("d/\xFF\xFE.txt", "4");
  CHECK(Names(folder, List({(folder / "d")})) == Strings{"d/a.txt", "d/caf\xC3\xA9.txt", "d/new\nline\x1B[31m.txt", "d/%FF%FE.txt"});
  ListOptions based;
  based.base = (folder / "d/..");
  CHECK(Names(folder, List({(folder / "./d//a.txt")}, based)) == Strings{"d/a.txt"});
  based.base = (folder / "e");
  Listed sink;
  const std::vector<std::string> paths{(folder / "d/a.txt")};
  const auto outside = ListInputs(paths, "", based, sink);
  REQUIRE(!outside);
  CHECK(outside.error().kind == ErrorKind::kInvalidArgument);
  // Two files, one URI: the second would be taken for the first.
  folder.Write("e/\xFF.txt", "5");
  folder.Write("e/%FF.txt", "6");
  CHECK(Names(folder, List({(folder / "e")})) == Strings{"e/%FF.txt", "e/%FF.txt: skipped"});
}

TEST_CASE("lists of files, and standard input") {
  const TemporaryFolder folder;
  folder.Write("a.txt", "1");
  folder.Write("b *.txt", "2");
  const std::string list = folder.Write("list", (folder / "b *.txt") + "\n\n" + (folder / "*.txt") + "\n" + (folder / "a.txt"));
  Listed listed;
  REQUIRE(ListInputs({}, list, {}, listed));
  CHECK(Names(folder, listed) == Strings{"b *.txt", "a.txt", "*.txt: io"});  // a list holds names, no patterns
  CHECK(!ListInputs({}, (folder / "absent"), {}, listed));
  const std::vector<std::string> both{"-"};
  CHECK(!ListInputs(both, "-", {}, listed));
  CHECK(List({"-"}).failures[0].code == "unknown_format");
  ListOptions lines;
  lines.format = Format::kLines;
  const Listed twice = List({"-", "-"}, lines);
  REQUIRE(twice.inputs.size() == 1);
  CHECK(twice.inputs[0].uri == "-");
  CHECK(twice.inputs[0].size == -1);
}

TEST_CASE("the sink hears of the first of 20,000 files long before the last") {
  const TemporaryFolder folder;
  for (int i = 0; i < 20000; ++i) {
    const std::string name = "d" + std::to_string(i / 1000) + "/" + std::to_string(i) + ".txt";
    if (i % 1000 == 0) folder.Write(name, "x");
    std::ofstream((folder / name)) << "x";
  }
  using Clock = std::chrono::steady_clock;
  Listed one;
  one.enough = 1;
  const std::vector<std::string> paths{(folder / "")};
  const auto begin = Clock::now();
  REQUIRE(ListInputs(paths, "", {}, one));
  const auto first = Clock::now();
  Listed all;
  REQUIRE(ListInputs(paths, "", {}, all));
  CHECK(all.inputs.size() == 20000);
  CHECK(one.inputs.size() == 1);
  CHECK((first - begin) * 5 < Clock::now() - first);
}

}  // namespace verdigris::verify
