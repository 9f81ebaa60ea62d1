// The form is that of Hugging Face transformers, as its versions 4 and 5 write it for LlamaForCausalLM. Its readers
// take a default for what is missing and pass over what they do not know; here every member is one of four: a number
// within bounds, a fixed value (all that this model can do), harmless, or refused. So no file is run as another model
// than it is.
//
// Tested by tests/tools/pocket_lm_test.cc.
#include "tools/pocket_lm/config.h"

#include <algorithm>
#include <array>
#include <string>

#include <nlohmann/json.hpp>

#include "tools/pocket_lm/strict_json.h"

namespace verdigris::pocket {
namespace {

constexpr size_t kMaxConfigBytes = 65536;

// What decides which model it is, and what this one can do. A missing member is an error where `required`:
// transformers' default is another value there, or there is none.
struct Fixed {
  const char* name;
  const char* value;  // JSON
  bool required;
};
constexpr std::array<Fixed, 8> kFixed = {{
    {"architectures", R"(["LlamaForCausalLM"])", true},
    {"model_type", R"("llama")", false},
    {"hidden_act", R"("silu")", false},
    {"tie_word_embeddings", "true", true},
    {"attention_bias", "false", false},
    {"mlp_bias", "false", false},
    {"rope_scaling", "null", false},
    {"pretraining_tp", "1", false},
}};

// Read by name below.
constexpr std::array kRead = {
    "vocab_size",          "hidden_size",         "intermediate_size",       "num_hidden_layers",
    "num_attention_heads", "num_key_value_heads", "max_position_embeddings", "head_dim",
    "rms_norm_eps",        "rope_theta",          "rope_parameters",         "bos_token_id",
    "eos_token_id"};

// Of no meaning for the logits of a trained model.
constexpr std::array kHarmless = {"_name_or_path",        "attention_dropout", "dtype",
                                  "initializer_range",    "pad_token_id",      "torch_dtype",
                                  "transformers_version", "use_cache"};

Unexpected Malformed(const std::string& cause) { return Fail(ErrorKind::kMalformed, "config.json: " + cause); }
Unexpected Unsupported(const std::string& cause) { return Fail(ErrorKind::kUnsupported, "config.json: " + cause); }

// An integer within [low, high].
Result<uint64_t> Integer(const nlohmann::json& config, const std::string& name, uint64_t low, uint64_t high) {
  const auto member = config.find(name);
  const std::string bounds = name + " must be an integer from " + std::to_string(low) + " to " + std::to_string(high);
  if (member == config.end()) return Malformed(bounds + ", is missing");
  if (!member->is_number_integer()) return Malformed(bounds);
  if (!member->is_number_unsigned()) return Malformed(bounds + ", got " + std::to_string(member->get<int64_t>()));
  const auto value = member->get<uint64_t>();
  if (value < low || value > high) return Malformed(bounds + ", got " + std::to_string(value));
  return value;
}

// A number within (0, high].
Result<float> Positive(const nlohmann::json& config, const std::string& name, double high) {
  const auto member = config.find(name);
  const std::string bounds = name + " must be a number above 0, at most " + std::to_string(high);
  if (member == config.end()) return Malformed(bounds + ", is missing");
  if (!member->is_number()) return Malformed(bounds);
  const auto value = member->get<double>();
  if (!(static_cast<float>(value) > 0 && value <= high)) return Malformed(bounds + ", got " + std::to_string(value));
  return static_cast<float>(value);
}

bool Contains(const auto& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const char* known) { return name == known; });
}

bool IsFixed(const std::string& name) {
  return std::any_of(kFixed.begin(), kFixed.end(), [&](const Fixed& fixed) { return name == fixed.name; });
}

Result<void> CheckMembers(const nlohmann::json& config) {
  for (const Fixed& fixed : kFixed) {
    const auto member = config.find(fixed.name);
    const std::string must_be = std::string(fixed.name) + " must be " + fixed.value;
    if (member == config.end()) {
      if (fixed.required) return Unsupported(must_be + ", is missing");
      continue;
    }
    if (*member == nlohmann::json::parse(fixed.value)) continue;
    const nlohmann::json& shown = member->is_array() && member->size() == 1 ? (*member)[0] : *member;
    if (shown.is_string()) return Unsupported(must_be + ", is " + Quoted(shown.get_ref<const std::string&>()));
    return Unsupported(must_be);
  }
  for (const auto& [name, value] : config.items()) {
    if (!IsFixed(name) && !Contains(kRead, name) && !Contains(kHarmless, name)) {
      return Unsupported("member " + Quoted(name) + " is not known");
    }
  }
  return {};
}

// Version 4 writes rope_theta, version 5 puts it in rope_parameters.
Result<float> RopeTheta(const nlohmann::json& config) {
  constexpr double kMaxTheta = 1e9;
  const auto parameters = config.find("rope_parameters");
  if (parameters == config.end()) return Positive(config, "rope_theta", kMaxTheta);
  if (config.contains("rope_theta")) return Malformed("rope_theta and rope_parameters are both there");
  if (!parameters->is_object() || parameters->size() != 2 || !parameters->contains("rope_type") ||
      (*parameters)["rope_type"] != "default") {
    return Unsupported("rope_parameters must be rope_theta and rope_type, of type 'default'");
  }
  return Positive(*parameters, "rope_theta", kMaxTheta);
}

}  // namespace

Result<Config> ReadConfig(std::string_view text) {
  VERDIGRIS_ASSIGN_OR_RETURN(const auto json, ParseStrictJson(text, kMaxConfigBytes, "config.json"));
  VERDIGRIS_RETURN_IF_ERROR(CheckMembers(json));

  // The bounds are generous for a small model, and keep every product of them far from overflow.
  Config config;
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t vocab, Integer(json, "vocab_size", 2, uint64_t{1} << 20));
  config.vocab = static_cast<uint32_t>(vocab);
  VERDIGRIS_ASSIGN_OR_RETURN(config.context, Integer(json, "max_position_embeddings", 2, 8192));
  VERDIGRIS_ASSIGN_OR_RETURN(config.hidden, Integer(json, "hidden_size", 2, 4096));
  VERDIGRIS_ASSIGN_OR_RETURN(config.ffn, Integer(json, "intermediate_size", 1, 16384));
  VERDIGRIS_ASSIGN_OR_RETURN(config.layers, Integer(json, "num_hidden_layers", 1, 64));
  VERDIGRIS_ASSIGN_OR_RETURN(config.heads, Integer(json, "num_attention_heads", 1, 64));
  // Vectors of such widths start where the processor's own vectors do, so arithmetic does not depend on where memory
  // lies.
  for (const char* name : {"hidden_size", "intermediate_size"}) {
    const auto width = json[name].get<uint64_t>();
    if (width % 16 != 0)
      return Unsupported(std::string(name) + " must be a multiple of 16, got " + std::to_string(width));
  }
  if (config.hidden % (2 * config.heads) != 0) {
    return Malformed("hidden_size must be a multiple of 2 * num_attention_heads, got " + std::to_string(config.hidden) +
                     " and " + std::to_string(config.heads));
  }
  if (json.contains("num_key_value_heads")) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t shared, Integer(json, "num_key_value_heads", 1, 64));
    if (shared != config.heads) return Unsupported("num_key_value_heads must equal num_attention_heads");
  }
  if (json.contains("head_dim")) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t width, Integer(json, "head_dim", 1, 4096));
    if (width != config.head_width()) return Unsupported("head_dim must be hidden_size / num_attention_heads");
  }
  VERDIGRIS_ASSIGN_OR_RETURN(config.norm_epsilon, Positive(json, "rms_norm_eps", 1));
  VERDIGRIS_ASSIGN_OR_RETURN(config.rope_theta, RopeTheta(json));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t bos, Integer(json, "bos_token_id", 0, vocab - 1));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t eos, Integer(json, "eos_token_id", 0, vocab - 1));
  config.bos_id = static_cast<uint32_t>(bos);
  config.eos_id = static_cast<uint32_t>(eos);
  return config;
}

}  // namespace verdigris::pocket
