// A tokenizer is looked up by digest and never by name: a wrong one costs power without a word. Only files whose names end as those
// of tokenizers do are opened, since a profile may lie in a folder of anything.
// Tested by tests/cli/tokenizer*.sh and profile_tokenizer*.sh.
#include "tools/tokenizer_files.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "tools/cli.h"
#include "tools/inputs.h"
#include "verify/file.h"
#include "verify/text/bpe_files.h"
#include "verify/text/gguf_tokenizer.h"
#include "verify/text/normalize.h"
#include "verify/text/sentencepiece.h"
#include "verify/text/sentencepiece_model.h"  // kMaxModelBytes
#include "verify/text/tokenizer_json.h"

namespace verdigris::tools {
namespace {

using TokenizerResult = Result<std::unique_ptr<verify::Tokenizer>>;

enum class Form : uint8_t { kSentencePiece, kTokenizerJson, kGguf, kDescriptor, kRanks, kVocabulary };

bool NeedsDescriptor(Form form) { return form == Form::kRanks || form == Form::kVocabulary; }

struct File {
  std::string path;
  std::string bytes;  // inflated; of a GGUF file none
  Form form = Form::kSentencePiece;
};

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// "base64 number"
bool LooksLikeRanks(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const size_t space = line.find(' ');
  constexpr std::string_view kDigits = "0123456789";
  return space != line.npos && space > 0 && space % 4 == 0 && space + 1 < line.size() && line.find_first_not_of(kDigits, space + 1) == line.npos;
}

Form FormOf(std::string_view bytes) {
  if (bytes.starts_with(verify::kGgufMagic)) return Form::kGguf;
  const size_t start = bytes.find_first_not_of(" \t\r\n");
  if (start != bytes.npos && bytes[start] == '{') {
    if (verify::IsTokenizerDescriptor(bytes)) return Form::kDescriptor;
    const verify::JsonKind kind = verify::KindOfJson(bytes);
    if (kind != verify::JsonKind::kOther) return kind == verify::JsonKind::kTokenizer ? Form::kTokenizerJson : Form::kVocabulary;
  }
  return LooksLikeRanks(bytes) ? Form::kRanks : Form::kSentencePiece;
}

Result<File> ReadTokenizerFile(const std::string& path) {
  File file{path, "", Form::kGguf};
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {  // of a GGUF file only the start is read, later
    const auto magic = verify::ReadFileRange(path, 0, verify::kGgufMagic.size());
    if (magic && *magic == verify::kGgufMagic) return file;
  }
  VERDIGRIS_ASSIGN_OR_RETURN(file.bytes, verify::ReadFile(path, verify::kMaxTokenizerBytes));
  const size_t stored = file.bytes.size();
  auto inflated = verify::Inflated(std::move(file.bytes));
  if (!inflated) return InFile(path, inflated.error());
  file.bytes = std::move(*inflated);
  file.form = FormOf(file.bytes);
  if (stored != file.bytes.size() && !NeedsDescriptor(file.form)) {
    return Fail(ErrorKind::kUnsupported, path + ": gzip of a file whose own SHA-256 counts: inflate it first");
  }
  return file;
}

TokenizerResult LoadGguf(const std::string& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorKind::kIo, path + ": " + error.message());
  for (uint64_t length = uint64_t{1} << 20;; length *= 4) {
    const uint64_t taken = std::min<uint64_t>({length, size, verify::kMaxTokenizerBytes});
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string start, verify::ReadFileRange(path, 0, taken));
    auto model = verify::ReadGgufTokenizer(start);
    if (!model) return InFile(path, model.error());
    if (*model) {
      auto tokenizer = verify::MakeByteBpe(std::move(**model));
      if (!tokenizer) return InFile(path, tokenizer.error());
      return tokenizer;
    }
    if (taken == size) return Fail(ErrorKind::kMalformed, path + ": the metadata are cut off");
    if (taken == verify::kMaxTokenizerBytes) return Fail(ErrorKind::kLimit, path + ": more than 256 MiB of metadata");
  }
}

TokenizerResult LoadWhole(const File& file) {
  TokenizerResult tokenizer = Fail(ErrorKind::kFailedPrecondition, "says nothing of how text is cut: `profile new --tokenizer FILE --pattern NAME` describes it");
  switch (file.form) {
    case Form::kGguf: return LoadGguf(file.path);
    case Form::kSentencePiece: tokenizer = verify::LoadSentencePiece(file.bytes); break;
    case Form::kTokenizerJson: {
      auto model = verify::ReadTokenizerJson(file.bytes);
      if (!model) return InFile(file.path, model.error());
      tokenizer = verify::MakeByteBpe(std::move(*model));
      break;
    }
    case Form::kDescriptor:
    case Form::kRanks:
    case Form::kVocabulary: break;
  }
  if (!tokenizer) return InFile(file.path, tokenizer.error());
  return tokenizer;
}

bool EndsAs(const std::filesystem::path& path, std::initializer_list<std::string_view> suffixes) {
  const std::string name = path.filename().string();
  return std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view suffix) { return name.ends_with(suffix); });
}

// Regular files of such names in a folder and in its folders, in the order of their names.
void AddFiles(const std::string& folder, bool deep, std::initializer_list<std::string_view> suffixes, std::vector<std::string>& files) {
  namespace fs = std::filesystem;
  std::vector<std::string> here;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored) && EndsAs(at->path(), suffixes)) {
      here.push_back(at->path().string());
    } else if (deep && at->is_directory(ignored)) {
      AddFiles(at->path().string(), false, suffixes, here);
    }
  }
  std::sort(here.begin(), here.end());
  files.insert(files.end(), here.begin(), here.end());
}

std::vector<std::string> Candidates(const std::string& profile_path, std::initializer_list<std::string_view> suffixes) {
  std::vector<std::string> files;
  AddFiles(FolderOf(profile_path), /*deep=*/false, suffixes, files);
  for (const std::string& folder : DataFolders()) AddFiles(folder, /*deep=*/true, suffixes, files);
  return files;
}

bool IsSmallEnough(const std::string& path) {
  std::error_code ignored;
  const uint64_t size = std::filesystem::file_size(path, ignored);
  return !ignored && size <= (EndsAs(path, {".model"}) ? verify::kMaxModelBytes : verify::kMaxTokenizerBytes);
}

// A file of a descriptor: at `path` if its digest is there, else in the folders.
Result<std::string> FindDescribed(const Digest& digest, const std::string& what, const std::string& profile_path, const std::string& path) {
  std::vector<std::string> files = Candidates(profile_path, {".tiktoken", ".bpe", ".json", ".txt", ".gz"});
  if (!path.empty()) files.insert(files.begin(), path);
  for (const std::string& file : files) {
    if (!IsSmallEnough(file)) continue;
    auto bytes = verify::ReadFile(file, verify::kMaxTokenizerBytes);
    if (!bytes) continue;
    auto inflated = verify::Inflated(std::move(*bytes));
    if (inflated && Sha256(AsBytes(*inflated)) == digest) return inflated;
  }
  return Fail(ErrorKind::kNotFound, "no " + what + " of sha256 " + Hex(digest) + (path.empty() ? "" : " at " + path + ",") +
                                        " beside the profile, nor in the data folders; the tokenizer's descriptor wants it");
}

TokenizerResult LoadDescribedBy(const File& file, const std::string& profile_path, const std::string& path) {
  const auto descriptor = verify::ParseTokenizerDescriptor(file.bytes);
  if (!descriptor) return InFile(file.path, descriptor.error());
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string first, FindDescribed(descriptor->first_file, descriptor->merges ? "vocabulary" : "ranks", profile_path, path));
  std::string merges;
  if (descriptor->merges) {
    VERDIGRIS_ASSIGN_OR_RETURN(merges, FindDescribed(descriptor->merges_file, "merges", profile_path, path));
  }
  auto tokenizer = verify::LoadDescribed(*descriptor, first, merges);
  if (!tokenizer) return InFile(file.path, tokenizer.error());
  return tokenizer;
}

// Among the files beside the profile and in the data folders; null where none has the digest. `path`: where a descriptor's files
// may be too; with one, only descriptors are looked for.
TokenizerResult FindByDigest(const Digest& wanted, const std::string& profile_path, const std::string& path) {
  for (const std::string& candidate : Candidates(profile_path, {".model", ".json", ".gguf"})) {
    if (EndsAs(candidate, {".gguf"})) {
      if (!path.empty()) continue;
      auto tokenizer = LoadGguf(candidate);  // one that is not readable here may be anything
      if (tokenizer && (*tokenizer)->digest() == wanted) return tokenizer;
      continue;
    }
    if (!IsSmallEnough(candidate)) continue;
    auto bytes = verify::ReadFile(candidate, verify::kMaxTokenizerBytes);
    if (!bytes || Sha256(AsBytes(*bytes)) != wanted) continue;
    const Form form = FormOf(*bytes);
    const File file{candidate, std::move(*bytes), form};
    if (form == Form::kDescriptor) return LoadDescribedBy(file, profile_path, path);
    if (path.empty()) return LoadWhole(file);
  }
  return std::unique_ptr<verify::Tokenizer>();
}

}  // namespace

Result<ChosenTokenizer> ChooseTokenizer(const TokenizerChoice& choice) {
  const auto usage = [](std::string message) { return Fail(ErrorKind::kInvalidArgument, std::move(message)); };
  VERDIGRIS_ASSIGN_OR_RETURN(const File file, ReadTokenizerFile(choice.file));
  if (!NeedsDescriptor(file.form)) {
    if (!choice.pattern.empty() || !choice.merges.empty() || !choice.vocab.empty() || !choice.special_ids.empty()) {
      return usage("--tokenizer: " + choice.file + " says all of itself; --pattern, --merges, --vocab and --special-ids are for tiktoken ranks and vocab.json");
    }
    VERDIGRIS_ASSIGN_OR_RETURN(auto tokenizer, LoadWhole(file));
    return ChosenTokenizer{std::move(tokenizer), ""};
  }
  verify::TokenizerDescriptor descriptor;
  descriptor.merges = file.form == Form::kVocabulary;
  const auto pattern = verify::PatternOfName(choice.pattern);
  if (!pattern) return usage("--pattern must be one of " + verify::PatternNames() + ": " + choice.file + " does not say how text is cut");
  if (descriptor.merges == choice.merges.empty()) {
    return usage(descriptor.merges ? "--merges FILE is needed with a vocabulary" : "--merges: " + choice.file + " holds ranks and needs none");
  }
  std::string merges;
  if (descriptor.merges) {
    VERDIGRIS_ASSIGN_OR_RETURN(merges, verify::ReadFile(choice.merges, verify::kMaxTokenizerBytes));
    auto inflated = verify::Inflated(std::move(merges));
    if (!inflated) return InFile(choice.merges, inflated.error());
    merges = std::move(*inflated);
    descriptor.merges_file = Sha256(AsBytes(merges));
  }
  descriptor.first_file = Sha256(AsBytes(file.bytes));
  descriptor.pattern = *pattern;
  descriptor.special_ids = choice.special_ids;
  const auto least = verify::VocabOfFile(descriptor.merges, file.bytes);
  if (!least) return InFile(choice.file, least.error());
  descriptor.vocab = std::max(*least, choice.special_ids.empty() ? 0 : choice.special_ids.back().last + 1);
  if (!choice.vocab.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t vocab, ParseInteger("--vocab", choice.vocab, descriptor.vocab, kIdLimit));
    descriptor.vocab = static_cast<uint32_t>(vocab);
  }
  std::string bytes = verify::WriteTokenizerDescriptor(descriptor);
  if (const auto again = verify::ParseTokenizerDescriptor(bytes); !again) return usage("--special-ids: " + again.error().message);
  auto tokenizer = verify::LoadDescribed(descriptor, file.bytes, merges);
  if (!tokenizer) return InFile(descriptor.merges ? choice.file + " with " + choice.merges : choice.file, tokenizer.error());
  return ChosenTokenizer{std::move(*tokenizer), std::move(bytes)};
}

Result<std::unique_ptr<verify::Tokenizer>> LoadTokenizer(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(const File file, ReadTokenizerFile(path));
  return LoadWhole(file);
}

namespace {

// Without the normaliser.
Result<std::unique_ptr<verify::Tokenizer>> FindPlainTokenizer(const Profile& profile, const std::string& profile_path,
                                                              const std::string& path, bool allow_mismatch) {
  const std::string wanted = Hex(profile.tokenizer_sha256());
  if (path.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(auto tokenizer, FindByDigest(profile.tokenizer_sha256(), profile_path, ""));
    if (tokenizer == nullptr) return Fail(ErrorKind::kNotFound, "no tokenizer of sha256 " + wanted + " beside the profile, nor in the data folders");
    return tokenizer;
  }
  const auto mismatch = [&](const Digest& digest) {
    return Fail(ErrorKind::kMismatch, path + ": sha256 is " + Hex(digest) + ", tokenizer_sha256 of the profile is " + wanted);
  };
  VERDIGRIS_ASSIGN_OR_RETURN(const File file, ReadTokenizerFile(path));
  if (NeedsDescriptor(file.form)) {
    VERDIGRIS_ASSIGN_OR_RETURN(auto tokenizer, FindByDigest(profile.tokenizer_sha256(), profile_path, path));
    if (tokenizer == nullptr) {
      return Fail(ErrorKind::kNotFound, path + ": needs the descriptor of sha256 " + wanted + ", which is not beside the profile, nor in the data folders");
    }
    return tokenizer;
  }
  if (file.form == Form::kGguf) {  // its digest is that of a part, known once that is read
    VERDIGRIS_ASSIGN_OR_RETURN(auto tokenizer, LoadGguf(path));
    if (tokenizer->digest() != profile.tokenizer_sha256() && !allow_mismatch) return mismatch(tokenizer->digest());
    return tokenizer;
  }
  const Digest digest = Sha256(AsBytes(file.bytes));
  // Asked before the model is read: a file of another digest is one that nobody vouches for.
  if (digest != profile.tokenizer_sha256() && !allow_mismatch) return mismatch(digest);
  return file.form == Form::kDescriptor ? LoadDescribedBy(file, profile_path, "") : LoadWhole(file);
}

}  // namespace

Result<std::unique_ptr<verify::Tokenizer>> FindTokenizer(const Profile& profile, const std::string& profile_path,
                                                         const std::string& path, bool allow_mismatch) {
  auto normaliser = verify::Normaliser::Create(profile.normaliser());
  if (!normaliser) return InFile(profile_path, normaliser.error());
  auto tokenizer = FindPlainTokenizer(profile, profile_path, path, allow_mismatch);
  if (!tokenizer || normaliser->name() == verify::kNoNormaliser) return tokenizer;
  return verify::AfterNormaliser(std::move(*normaliser), std::move(*tokenizer));
}

std::vector<std::string> DataFolders() { return {VERDIGRIS_DATA_DIR, VERDIGRIS_DATASETS_DIR}; }

}  // namespace verdigris::tools
