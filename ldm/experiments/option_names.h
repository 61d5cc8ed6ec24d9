#pragma once

#include <string>
#include <vector>

#include "ldm/experiments/experiment.h"

namespace ldm::experiments {

/// The option's name as the program's table spells it, for a name as an experiment's file may spell it:
/// "steps" and "ddim-steps" are "ddim_steps". A name with a dot, an override of the model's config, stays as
/// it is.
///
/// Throws std::invalid_argument for an option that does not exist, that belongs to the other program, or that
/// an experiment sets in another way, saying where.
std::string option_name(GenerationKind kind, const std::string& written);

/// Whether the option says which model is used and how it is held.
bool is_model_option(const std::string& name);

/// Throws OptionError, in the words of the program's own table, for a value that the option cannot have.
void check_value(GenerationKind kind, const Setting& setting);

/// The setting as an argument of the program; empty for a switch that is off.
std::string argument_of(const Setting& setting);

/// Puts a setting in the place of one of the same name, or behind the others.
void put(std::vector<Setting>& settings, const Setting& setting);

}  // namespace ldm::experiments
