// Files of ranks, vocabularies with merges, descriptors and gzip: what is read, and what is refused with which words.
#include "verify/text/bpe_files.h"

#include <random>

#include <zlib.h>

#include "tests/verify/text/tokenizer_vectors.h"

namespace verdigris::verify {
namespace {

using namespace std::string_literals;

const std::string kData = VERDIGRIS_SOURCE_DIR "/tests/data/";

// Text of the error, or "read".
template <class T>
std::string Outcome(const Result<T>& result) {
  return result ? "read" : std::string(ErrorClass(result.error().kind)) + ": " + result.error().message;
}

TokenizerDescriptor Ranks(uint32_t vocab) {
  TokenizerDescriptor descriptor;
  descriptor.pattern = Pattern::kCl100k;
  descriptor.vocab = vocab;
  return descriptor;
}

std::string Load(const std::string& ranks, uint32_t vocab = 406) { return Outcome(LoadDescribed(Ranks(vocab), ranks, "")); }

std::string LoadPair(const std::string& vocab, const std::string& merges) {
  TokenizerDescriptor descriptor = Ranks(406);
  descriptor.merges = true;
  return Outcome(LoadDescribed(descriptor, vocab, merges));
}

TEST_CASE("a file of ranks is lines of base64 and id, and nothing else") {
  const std::string good = Get(kData + "tiny.tiktoken");
  CHECK(Load(good) == "read");
  CHECK(Load(good.substr(0, good.size() - 1)) == "read");  // the last line feed may be missing
  const std::string form = "malformed: line 407: not of the form \"base64 id\"";
  for (const char* line : {"YWJj", "YWJj ", " 406", "YWJj 406 ", "YWJj  406", "YWJj -1", "YWJj 4x", "YWJ 406", "YWJj= 406", "YWJ_ 406", "YQ== 406", "YR== 406", "=== 406", "YWJj 99999999999", "YWJj 406\r"}) {
    CAPTURE(line);
    CHECK(Load(good + line + "\n") == (line == "YQ== 406"s ? "malformed: line 407: ids 97 and 406 have the same token" : form));
  }
  CHECK(Load(good + "YWJj 16777216\n") == "limit: line 407: id 16777216, the limit is 2^24");
  CHECK(Load(good + "YWJj 5\n") == "malformed: line 407: id 5 has two tokens");
  CHECK(Load(good, 405) == "malformed: id 405, vocab 405");
  CHECK(Load(good.substr(good.find('\n') + 1)) == "malformed: byte 0x00 is no token");
  CHECK(Load("") == "malformed: byte 0x00 is no token");
}

TEST_CASE("vocab.json is an object of names and ids, merges.txt has a pair a line") {
  const std::string vocab = Get(kData + "tiny_vocab.json"), merges = Get(kData + "tiny_merges.txt");
  CHECK(LoadPair(vocab, merges) == "read");
  CHECK(LoadPair(vocab, merges.substr(merges.find('\n') + 1)) == "read");  // without its first line
  CHECK(LoadPair("[1]", merges) == "malformed: a vocabulary must be an object of tokens and ids");
  CHECK(LoadPair("{\"a\":-1}", merges) == "malformed: the id of a token must be an integer of 0 or more");
  CHECK(LoadPair("{\"a\":1.5}", merges) == "malformed: the id of a token must be an integer of 0 or more");
  CHECK(LoadPair("{\"a\":16777216}", merges) == "limit: id 16777216, the limit is 2^24");
  CHECK(LoadPair("{\"a\":1,\"a\":2}", merges) == "malformed: ids 1 and 2 have the same token");
  CHECK(LoadPair("{\"\xE2\x82\xAC\":1,\"\xE2\x82\xAC\":2}", merges) == "malformed: the token of id 2 is there twice");
  CHECK(LoadPair("{\"\":1}", merges) == "malformed: token 1 is empty");
  CHECK(LoadPair("{", merges).starts_with("malformed: JSON: "));
  CHECK(LoadPair(std::string(40, '[') + std::string(40, ']'), merges) == "limit: JSON of more than 32 levels");
  const std::string second = "malformed: line 2: not two tokens whose union is in the vocabulary";
  CHECK(LoadPair(vocab, "#version: 0.2\nh q\n") == second);
  CHECK(LoadPair(vocab, "#version: 0.2\nhe\n") == second);
  CHECK(LoadPair(vocab, "#version: 0.2\n#version: 0.2\n") == second);
  const size_t second_line = merges.find('\n') + 1;
  const std::string line = merges.substr(second_line, merges.find('\n', second_line) + 1 - second_line);
  CHECK(LoadPair(vocab, line + line) == "malformed: merges[1] is merges[0] again");
}

TEST_CASE("a descriptor is canonical, and comes back as it was") {
  TokenizerDescriptor descriptor = Ranks(100277);
  descriptor.first_file.fill(0xAB);
  descriptor.special_ids = {{100257, 100260}, {100276, 100276}};
  const std::string hex(64, 'a');
  std::string expected = "{\"files\":{\"ranks\":\"HEX\"},\"kind\":\"tiktoken\",\"pattern\":\"cl100k\",\"schema\":\"verdigris.tokenizer/1\","
                         "\"special_ids\":[[100257,100260],[100276,100276]],\"vocab\":100277}\n";
  expected.replace(expected.find("HEX"), 3, Hex(descriptor.first_file));
  CHECK(WriteTokenizerDescriptor(descriptor) == expected);
  CHECK(IsTokenizerDescriptor(expected));
  const auto again = ParseTokenizerDescriptor(expected);
  REQUIRE(again.has_value());
  CHECK(WriteTokenizerDescriptor(*again) == expected);
  descriptor.merges = true;
  CHECK(Outcome(ParseTokenizerDescriptor(WriteTokenizerDescriptor(descriptor))) == "read");

  const auto edited = [&](const std::string& from, const std::string& to) {
    std::string text = expected;
    text.replace(text.find(from), from.size(), to);
    return Outcome(ParseTokenizerDescriptor(text));
  };
  CHECK(edited("cl100k", "cl200k") == "malformed: pattern must be one of gpt2, cl100k, llama-3, qwen2, qwen3.5, o200k, smollm");
  CHECK(edited("tokenizer/1", "tokenizer/2") == "unsupported: not a file of schema verdigris.tokenizer/1");
  CHECK(edited("\"vocab\":100277", "\"vocab\":100276") == "malformed: special_ids must be ranges [first,last] below vocab, ascending, neither overlapping nor adjacent");
  CHECK(edited("[100276,", "[100261,") == "malformed: special_ids must be ranges [first,last] below vocab, ascending, neither overlapping nor adjacent");
  CHECK(edited("\"kind\":\"tiktoken\"", "\"kind\":\"bpe\"").starts_with("malformed: files.vocab"));
  CHECK(edited("}\n", "} \n").starts_with("malformed"));
}

std::string Gzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(bytes.size() + 1000, '\0'), in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST_CASE("gzip is inflated whole or refused") {
  const std::string text = Get(kData + "tiny.tiktoken"), packed = Gzip(text);
  CHECK(*Inflated(text) == text);
  CHECK(*Inflated(packed) == text);
  CHECK(*Inflated("") == "");
  const std::string damaged = "malformed: gzip: damaged, cut off, or followed by other bytes";
  CHECK(Outcome(Inflated(packed.substr(0, packed.size() - 1))) == damaged);
  CHECK(Outcome(Inflated(packed + "x")) == damaged);
  std::string flipped = packed;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);  // its checksum
  CHECK(Outcome(Inflated(flipped)) == damaged);
}

TEST_CASE("mutated files are refused or read, and what is read encodes any text") {
  std::mt19937_64 random(1);
  const std::string ranks = Get(kData + "tiny.tiktoken"), vocab = Get(kData + "tiny_vocab.json"), merges = Get(kData + "tiny_merges.txt");
  const std::string text = Get(kData + "tiny_corpus.txt").substr(0, 500) + "\xFF\xE2\x82";
  TokenizerDescriptor pair = Ranks(2000);
  pair.merges = true;
  int read = 0;
  for (size_t i = 0; i < 400; ++i) {
    CAPTURE(i);
    const auto mutated = [&](const std::string& file) { return Mutated(file, i, random); };
    const auto check = [&](const Result<std::unique_ptr<Tokenizer>>& tokenizer) {
      if (!tokenizer) return;
      ++read;
      const auto tokens = Encode(**tokenizer, text);
      CheckAscending(tokens, text.size());
      CHECK((!tokens.empty() && tokens.back().end == text.size()));
    };
    check(LoadDescribed(Ranks(2000), mutated(ranks), ""));
    check(LoadDescribed(pair, mutated(vocab), merges));
    check(LoadDescribed(pair, vocab, mutated(merges)));
  }
  MESSAGE("read " << read << " of 1200");
  CHECK(read > 100);
  CHECK(read < 1100);
}

}  // namespace
}  // namespace verdigris::verify
