# What `cmake --install` gives: programs, models, headers, the shared and the static library, and how CMake and pkg-config find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The C functions of the headers in include/ are all that either library shows.
add_library(retinanet_shared SHARED ${float_objects})
set_target_properties(retinanet_shared PROPERTIES OUTPUT_NAME retinanet EXPORT_NAME retinanet VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_include_directories(retinanet_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(retinanet_shared PRIVATE ${RN_LINK})

# An archive has no hidden symbols: ours and stb's would meet those of the program that links it. So its objects are linked into one first,
# in which all but the public ones become local.
set(one_object ${CMAKE_BINARY_DIR}/retinanet.o)
add_custom_command(OUTPUT ${one_object} DEPENDS ${float_objects} COMMAND_EXPAND_LISTS VERBATIM
                   COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${one_object} ${float_objects}
                   COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${one_object})
add_library(retinanet_static STATIC ${one_object})
add_dependencies(retinanet_static retinanet) # all objects are there, and of now
set_source_files_properties(${one_object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
set_target_properties(retinanet_static PROPERTIES OUTPUT_NAME retinanet EXPORT_NAME static LINKER_LANGUAGE C)
target_include_directories(retinanet_static INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(retinanet_static INTERFACE ${RN_LINK})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/retinanet)
configure_package_config_file(cmake/retinanetConfig.cmake.in ${CMAKE_BINARY_DIR}/retinanetConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/retinanetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# The prefix may be chosen, and moved, after the build.
file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" up ${up})
configure_file(cmake/retinanet.pc.in ${CMAKE_BINARY_DIR}/retinanet.pc @ONLY)

install(TARGETS ${programs} retinanet_shared retinanet_static EXPORT retinanet)
install(EXPORT retinanet NAMESPACE retinanet:: FILE retinanetTargets.cmake DESTINATION ${package})
install(FILES ${CMAKE_BINARY_DIR}/retinanetConfig.cmake ${CMAKE_BINARY_DIR}/retinanetConfigVersion.cmake DESTINATION ${package})
install(FILES ${CMAKE_BINARY_DIR}/retinanet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES include/retinanet.h include/retinanet_loss.h include/retinanet_lab.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
file(GLOB models CONFIGURE_DEPENDS models/*.safetensors models/*.md)
install(FILES ${models} DESTINATION ${CMAKE_INSTALL_DATADIR}/retinanet)
install(FILES ${experiments} DESTINATION ${CMAKE_INSTALL_DATADIR}/retinanet/study)
install(FILES README.md CHANGELOG.md LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
