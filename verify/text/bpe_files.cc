// tiktoken file: lines "base64 id", each token once. merges.txt: lines "left right" in the order of ranks, the first line may be
// "#version: ...". Strict where the libraries are lax: a line is of this form or the file is refused.
// Tested by tests/verify/text/bpe_files_test.cc.
#include "verify/text/bpe_files.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <zlib.h>

#include "verify/members.h"
#include "verify/text/bpe_names.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kSchema = "verdigris.tokenizer/1";
constexpr size_t kMaxSpecialRanges = 65536;

// The next line without its line feed.
std::string_view TakeLine(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

// Nothing secret here, unlike in key files, whose decoder takes the same time for all bytes.
constexpr std::array<int8_t, 256> kBase64 = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kDigits.size(); ++i) table[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
  return table;
}();

// Standard base64 with padding, canonical spelling only.
bool DecodeBase64(std::string_view text, std::string& out) {
  out.clear();
  if (text.empty() || text.size() % 4 != 0) return false;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const int digit = i >= text.size() - padding ? 0 : kBase64[static_cast<uint8_t>(text[i])];
    if (digit < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(bits >> shift & 0xFF));
    bits = 0;
  }
  for (size_t i = 0; i < padding; ++i) {
    if (out.back() != 0) return false;  // bits below the last byte
    out.pop_back();
  }
  return true;
}

Unexpected AtLine(size_t line, const Error& error) { return Fail(error.kind, "line " + std::to_string(line) + ": " + error.message); }

Result<void> ReadRanks(std::string_view file, TokenTable& tokens) {
  std::string bytes;
  for (size_t line = 1; !file.empty(); ++line) {
    const std::string_view text = TakeLine(file);
    if (text.empty()) continue;
    const size_t space = std::min(text.find(' '), text.size() - 1);
    uint32_t id = 0;
    const char* end = text.data() + text.size();
    const auto number = std::from_chars(text.data() + space + 1, end, id);
    if (number.ec != std::errc() || number.ptr != end || !DecodeBase64(text.substr(0, space), bytes)) {
      return AtLine(line, {ErrorKind::kMalformed, "not of the form \"base64 id\""});
    }
    if (auto added = tokens.Add(id, bytes); !added) return AtLine(line, added.error());
  }
  return {};
}

Result<void> ReadMerges(std::string_view file, NamedVocabulary& names, std::vector<ByteBpeModel::Merge>& merges) {
  for (size_t line = 1; !file.empty(); ++line) {
    const std::string_view text = TakeLine(file);
    if (text.empty() || (line == 1 && text.starts_with("#version"))) continue;
    if (merges.size() >= kIdLimit) return AtLine(line, {ErrorKind::kLimit, "more than 2^24 merges"});
    ByteBpeModel::Merge merge;
    if (!names.MergeOf(text, merge)) return AtLine(line, {ErrorKind::kMalformed, "not two tokens whose union is in the vocabulary"});
    merges.push_back(merge);
  }
  return {};
}

Result<void> ReadVocabulary(std::string_view file, NamedVocabulary& names) {
  simdjson::dom::parser parser;
  VERDIGRIS_ASSIGN_OR_RETURN(const simdjson::dom::element json, ParseTokenizerJson(parser, file));
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return Fail(ErrorKind::kMalformed, "a vocabulary must be an object of tokens and ids");
  return names.Add(object);
}

Result<void> CheckSize(std::string_view file) {
  if (file.size() > kMaxTokenizerBytes) return Fail(ErrorKind::kLimit, "more than 256 MiB");
  return {};
}

}  // namespace

Result<TokenizerDescriptor> ParseTokenizerDescriptor(std::string_view bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseSchemaFile(bytes, kSchema));
  TokenizerDescriptor descriptor;
  Members members(json, "");
  members.Take("schema");
  descriptor.merges = members.Word("kind", {"tiktoken", "bpe"}) == 1;
  Members files = members.Object("files");
  descriptor.first_file = files.DigestOf(descriptor.merges ? "vocab" : "ranks");
  if (descriptor.merges) descriptor.merges_file = files.DigestOf("merges");
  members.Close(files);
  const std::string name = members.Text("pattern");
  const std::optional<Pattern> pattern = PatternOfName(name);
  if (!pattern) members.Fault("pattern", "must be one of " + PatternNames());
  descriptor.pattern = pattern.value_or(Pattern::kGpt2);
  descriptor.vocab = static_cast<uint32_t>(members.Integer("vocab", 1, kIdLimit));
  for (const Json& range : members.Array("special_ids", kMaxSpecialRanges)) {
    const Json::Array* ends = range.array();
    const int64_t* first = ends != nullptr && ends->size() == 2 ? (*ends)[0].integer() : nullptr;
    const int64_t* last = ends != nullptr && ends->size() == 2 ? (*ends)[1].integer() : nullptr;
    const int64_t least = descriptor.special_ids.empty() ? 0 : int64_t{descriptor.special_ids.back().last} + 2;
    if (first == nullptr || last == nullptr || *first < least || *last < *first || *last >= descriptor.vocab) {
      members.Fault("special_ids", "must be ranges [first,last] below vocab, ascending, neither overlapping nor adjacent");
      break;
    }
    descriptor.special_ids.push_back({static_cast<uint32_t>(*first), static_cast<uint32_t>(*last)});
  }
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  return descriptor;
}

bool IsTokenizerDescriptor(std::string_view bytes) { return bytes.starts_with("{\"files\":"); }

std::string WriteTokenizerDescriptor(const TokenizerDescriptor& descriptor) {
  Json::Object files;
  files.emplace_back(descriptor.merges ? "vocab" : "ranks", Hex(descriptor.first_file));
  if (descriptor.merges) files.emplace_back("merges", Hex(descriptor.merges_file));
  Json::Array special;
  for (const IdRange& range : descriptor.special_ids) special.push_back(Json::Array{int64_t{range.first}, int64_t{range.last}});
  return WriteJson(Json::FromMembers({{"files", Json::FromMembers(std::move(files))},
                                      {"kind", descriptor.merges ? "bpe" : "tiktoken"},
                                      {"pattern", std::string(PatternName(descriptor.pattern))},
                                      {"schema", std::string(kSchema)},
                                      {"special_ids", std::move(special)},
                                      {"vocab", int64_t{descriptor.vocab}}})) +
         "\n";
}

Result<std::unique_ptr<Tokenizer>> LoadDescribed(const TokenizerDescriptor& descriptor, std::string_view first_file, std::string_view merges) {
  VERDIGRIS_RETURN_IF_ERROR(CheckSize(first_file));
  VERDIGRIS_RETURN_IF_ERROR(CheckSize(merges));
  ByteBpeModel model;
  model.kind = descriptor.merges ? "bpe" : "tiktoken";
  model.pattern = descriptor.pattern;
  model.ranks_are_ids = model.whole_pieces_first = !descriptor.merges;
  if (descriptor.merges) {
    NamedVocabulary names(model.tokens);
    VERDIGRIS_RETURN_IF_ERROR(ReadVocabulary(first_file, names));
    VERDIGRIS_RETURN_IF_ERROR(ReadMerges(merges, names, model.merges));
  } else {
    VERDIGRIS_RETURN_IF_ERROR(ReadRanks(first_file, model.tokens));
  }
  model.special_ids = descriptor.special_ids;
  model.vocab = descriptor.vocab;
  model.digest = Sha256(AsBytes(WriteTokenizerDescriptor(descriptor)));
  return MakeByteBpe(std::move(model));
}

Result<uint32_t> VocabOfFile(bool is_vocabulary, std::string_view file) {
  VERDIGRIS_RETURN_IF_ERROR(CheckSize(file));
  TokenTable tokens;
  NamedVocabulary names(tokens);
  VERDIGRIS_RETURN_IF_ERROR(is_vocabulary ? ReadVocabulary(file, names) : ReadRanks(file, tokens));
  return tokens.end();
}

Result<std::string> Inflated(std::string file) {
  if (!file.starts_with("\x1F\x8B")) return file;
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzip) != Z_OK) return Fail(ErrorKind::kNoMemory, "gzip: no memory");
  std::string out;
  std::string buffer(size_t{1} << 18, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(file.data());
  stream.avail_in = static_cast<uInt>(file.size());
  int status = Z_OK;
  while (status == Z_OK && out.size() <= kMaxTokenizerBytes) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, 0, buffer.size() - stream.avail_out);
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (out.size() > kMaxTokenizerBytes) return Fail(ErrorKind::kLimit, "more than 256 MiB inflated");
  if (!whole) return Fail(ErrorKind::kMalformed, "gzip: damaged, cut off, or followed by other bytes");
  return out;
}

}  // namespace verdigris::verify
