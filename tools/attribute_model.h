// attribute for a suspect model: all accounts of an epoch, each inside its own filter, behind the provider layer's finding
// (suspect-models.md M12).
#pragma once

#include <string>

#include "tools/investigation_case.h"
#include "verify/attribute.h"

namespace verdigris::tools {

struct ModelAttribution {
  CaseArguments arguments;  // keys: provider and selector, and those of account tests of the plan
  std::string folder;       // of the investigation
  std::string filters;      // folder of LABEL.filter, as `filter build --all` names them
  std::string clusters;     // file of accounts that may be one hand; or empty
  uint64_t family = 0;
  bool json = false;
};

// `accounts`, called once, are those of the epoch. Exit status as for texts; 1 also where the finding is refused.
Result<ExitCode> AttributeModel(const ModelAttribution& request, const verify::AccountSource& accounts, Context& context);

}  // namespace verdigris::tools
