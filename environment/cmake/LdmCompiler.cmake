# How our own code is compiled. Torch's headers are SYSTEM, so that warnings as errors means our code alone.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
endif()

find_program(LDM_CCACHE ccache)
if(LDM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers are cached only with these two checks relaxed.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${LDM_CCACHE}")
endif()

function(ldm_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Werror -fpch-preprocess)
  if(LDM_SANITIZE)
    # vptr checks need type information of classes that LibTorch does not export. -O1 and -g1 halve the time to compile, and
    # still give a report its lines.
    target_compile_options(${target} PRIVATE -fsanitize=${LDM_SANITIZE} -fno-sanitize=vptr
                                             -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
    target_link_options(${target} PRIVATE -fsanitize=${LDM_SANITIZE})
  endif()
endfunction()

# A program that shares the library's precompiled header must be compiled with the same -fPIC, not CMake's -fPIE.
function(ldm_share_precompiled_header target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  target_precompile_headers(${target} REUSE_FROM ldm)
endfunction()
