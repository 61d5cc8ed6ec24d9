# cmake --install: programs, library, headers and a package for find_package(ldm).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS ldm ldm_images EXPORT ldmTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ${LDM_PROGRAMS} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET ldm_cuda)
  install(TARGETS ldm_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(DIRECTORY ldm DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h"
        PATTERN "json_events.h" EXCLUDE # includes a library that is not ours to ask for
        PATTERN "cli" EXCLUDE PATTERN "demo" EXCLUDE)  # of libraries that are not installed
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/ldm FILES_MATCHING PATTERN "*.yaml"
        PATTERN "*.txt")
install(FILES models/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/ldm/models)
install(DIRECTORY models/ldm/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/ldm/models/ldm)
install(EXPORT ldmTargets NAMESPACE ldm:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ldm)
configure_package_config_file(environment/cmake/ldmConfig.cmake.in ${CMAKE_BINARY_DIR}/ldmConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ldm)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ldmConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ldmConfig.cmake ${CMAKE_BINARY_DIR}/ldmConfigVersion.cmake
              environment/cmake/LdmDependencies.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ldm)
